"""What a command shows."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from imagemill.cli.report import saved
from imagemill.cli.screen import Column, bytes_in_words, listing, plain


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9_994, "9.99 kB"),
        (9_996, "10.0 kB"),
        (99_960, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (4_791_882, "4.79 MB"),
        (3_000_000_000_000, "3.00 TB"),
    ],
)
def test_a_size_is_written_with_three_figures(size_bytes: int, words: str) -> None:
    assert bytes_in_words(size_bytes) == words


def test_a_plain_table_is_aligned_and_ends_without_blanks() -> None:
    columns = (Column("file"), Column("ms", is_number=True), Column("note"))

    lines = list(plain(columns, [("a.jpg", "7", "good"), ("long name.png", "1200", "")]))

    assert lines == [
        "file             ms  note",
        "a.jpg             7  good",
        "long name.png  1200",
    ]


def test_what_was_saved_is_told_in_percent_and_growth_as_less_than_nothing() -> None:
    assert saved(1000, 250) == "75.0 %"
    assert saved(100, 150) == "-50.0 %"
    assert not saved(0, 10)


@pytest.mark.parametrize(
    ("names", "as_json", "said"),
    [
        (["b.jpg", "a.jpg"], False, ("file\nb.jpg\na.jpg\n", "")),
        (["a.jpg"], True, ('[\n  {\n    "name": "a.jpg"\n  }\n]\n', "")),
        ([], True, ("[]\n", "")),
        ([], False, ("", "There are none.\n")),
    ],
)
def test_a_list_is_a_table_or_json_and_says_when_there_is_nothing(
    capsys: pytest.CaptureFixture[str], names: list[str], *, as_json: bool, said: tuple[str, str]
) -> None:
    rows = [(Thing(name=each), (each,)) for each in names]

    listing((Column("file"),), rows, as_json=as_json, none="There are none.")

    assert capsys.readouterr() == said


class Thing(BaseModel):
    name: str
