"""Every hostile, broken and unusual file of a corpus gets the class that its index gives it.

The corpus lies in the folder that IMAGEMILL_TEST_CORPUS names: `INDEX.tsv` with the columns `file`
and `expected` (OK: processed; REJECT: refused with a type; EITHER: one or the other, always the
same; INERT: nothing of what is hidden in it comes out).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from imagemill.errors import PictureRefused
from tests.engine.orders_given import Steps, rendered

pytestmark = pytest.mark.may_skip("the corpus is not part of the repository")

FOLDER = os.environ.get("IMAGEMILL_TEST_CORPUS", "")
OUTPUTS: Mapping[str, Steps] = {
    "small": [{"op": "resize", "width": 64, "height": 64, "fit": "inside"}],
    "moving": [{"op": "resize", "width": 32}, {"op": "convert", "format": "webp"}],
    "whole": [{"op": "convert", "format": "jpeg"}],
    "turned": [{"op": "rotate", "angle": 90}, {"op": "convert", "format": "png"}],
    "told": [{"op": "metadata"}],
}
HIDDEN = (b"<?php", b"<script", b"onload=", b"system(", b"/etc/passwd")


def _rows() -> list[dict[str, str]]:
    if not FOLDER:
        return []
    with (Path(FOLDER) / "INDEX.tsv").open(newline="") as index:
        return list(csv.DictReader(index, delimiter="\t"))


ROWS = _rows()


@pytest.mark.skipif(not FOLDER, reason="IMAGEMILL_TEST_CORPUS names no folder")
def test_there_is_a_corpus() -> None:
    assert len(ROWS) > 50


@pytest.mark.parametrize("row", ROWS, ids=[row["file"] for row in ROWS])
def test_a_file_gets_its_class(row: Mapping[str, str]) -> None:
    content = (Path(FOLDER) / row["file"]).read_bytes()

    first, second = _outcome(content), _outcome(content)

    assert first == second
    assert b"picture_refused" not in first[1]
    assert first[0] in {"OK": {"done"}, "REJECT": {"refused"}}.get(
        row["expected"], {"done", "refused"}
    )


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row["expected"] == "INERT"],
    ids=[row["file"] for row in ROWS if row["expected"] == "INERT"],
)
def test_what_is_hidden_in_a_file_does_not_come_out(row: Mapping[str, str]) -> None:
    content = (Path(FOLDER) / row["file"]).read_bytes()

    _, files = _outcome(content)

    assert not [word for word in HIDDEN for file in files[:-1] if word in file]
    # The last one tells what the file says of itself, which is JSON and nobody's to run.


def _outcome(content: bytes) -> tuple[str, tuple[bytes, ...]]:
    """Tell whether it was done, and the files; or that it was refused, and how."""
    try:
        return "done", tuple(rendered(content, OUTPUTS).files.values())
    except PictureRefused as refused:
        return "refused", (refused.code.encode(), refused.message.encode())
