"""A thing without a home has no name yet: no drawers for odds and ends."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.glossary import second_words
from tests.house.sources import ROOT, Source, complaints, snippet

DRAWERS = frozenset(
    {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc", "core"}
)


def drawers(source: Source) -> Iterator[str]:
    for part in {*source.path.parts[:-1], source.path.stem}:
        if part in DRAWERS:
            yield source.complain(1, f"{part} says nothing about what is in it")


def second_words_in_names(source: Source) -> Iterator[str]:
    """Look at names that this file gives; names that a library gave are not ours to choose."""
    wrong = second_words((ROOT / "docs/glossary.md").read_text(encoding="utf-8"))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef):
            for word in wrong.keys() & set(_words(node.name)):
                yield source.complain(node.lineno, f"{node.name}: say {wrong[word]}, not {word}")


def test_no_module_is_a_drawer() -> None:
    assert complaints(drawers) == []


def test_no_class_uses_a_second_word_for_an_idea_that_has_one() -> None:
    assert complaints(second_words_in_names, "src") == []


@pytest.mark.parametrize("path", ["src/imagemill/utils.py", "src/imagemill/core/jobs.py"])
def test_a_drawer_is_found(path: str) -> None:
    assert len(list(drawers(snippet("...", path=path)))) == 1


def test_a_second_word_is_found() -> None:
    source = snippet("class ThumbnailTask:", "    ...")

    assert list(second_words_in_names(source)) == [
        "src/imagemill/snippet.py:1: ThumbnailTask: say job, not task",
    ]


def _words(name: str) -> Iterator[str]:
    """Split `ThumbnailTask` into its words, in small letters."""
    word = ""
    for letter in name.replace("_", " "):
        if letter.isupper() and word and not word[-1].isupper():
            yield word.lower()
            word = ""
        word += letter
    yield word.lower()
