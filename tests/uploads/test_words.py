"""Text becomes words, and words become terms that belong to one owner alone."""

from __future__ import annotations

import pytest

from imagemill.uploads.words import (
    MOST_WORDS,
    indexed,
    metadata_terms,
    tag_terms,
    word_terms,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Möwe am Strand, MÖWE", ["mowe", "am", "strand"]),
        ("IMG_2041.JPG", ["img", "2041", "jpg"]),
        ("Straße", ["strasse"]),
        ("東京タワー at night", ["東", "京", "タ", "ワ", "ー", "at", "night"]),
        ('"quoted" AND NOT (near*)', ["quoted", "and", "not", "near"]),
        ("...", []),
        ("a" * 100, ["a" * 40]),
    ],
)
def test_words_are_compared_without_case_and_accents(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_an_image_has_only_so_many_words() -> None:
    assert len(words_of(" ".join(map(str, range(MOST_WORDS * 2))))) == MOST_WORDS


def test_no_term_of_one_owner_is_one_of_another() -> None:
    given = (["sea"], ["holiday"], {"project": "atlas"})

    mine, theirs = indexed("me", *given).split(), indexed("them", *given).split()

    assert len(mine) == len(theirs) == 5
    assert not set(mine) & set(theirs)


def test_a_tag_is_a_word_too_but_a_word_is_no_tag() -> None:
    terms = set(indexed("me", ["sea"], ["two words"], {}).split())

    assert set(tag_terms("me", ["two words"])) <= terms
    assert set(word_terms("me", ["two", "words", "sea"])) <= terms
    assert not set(tag_terms("me", ["sea"])) & terms


def test_metadata_is_found_by_key_and_value_together() -> None:
    terms = set(indexed("me", [], [], {"a": "b", "c": "d"}).split())

    assert set(metadata_terms("me", [("a", "b")])) <= terms
    assert not set(metadata_terms("me", [("a", "d")])) & terms


def test_terms_hold_nothing_that_the_index_takes_for_syntax() -> None:
    hostile = 'x" OR "y NEAR(a b) * ^ : { } - +'

    terms = indexed("me", [hostile], [hostile], {"k": hostile}).split(" ")

    assert all(each.isalnum() for each in terms)
