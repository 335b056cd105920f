"""Pictures of the wild, good and hostile, each of which must meet its fate through the API."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.api import API, PROBLEM

FOLDER = Path(os.environ.get("IMAGEMILL_TEST_CORPUS", ""))
REASON = "set IMAGEMILL_TEST_CORPUS to a folder of pictures with an INDEX.tsv"

pytestmark = [pytest.mark.may_skip(REASON), pytest.mark.timeout(120)]

TYPED = frozenset(
    {
        "corrupt",
        "decoder_crashed",
        "memory_limit",
        "timeout",
        "too_large",
        "too_many_pixels",
        "too_many_scans",
        "truncated",
        "unsupported_format",
    }
)
"""All that a picture can be refused for; `internal` is not among them."""
ACTIVE = (b"<?php", b"<?=", b"<script", b"Exif\0\0", b"http://ns.adobe.com/xap", b"GPSLatitude")
"""What could harm whoever opens a result carelessly, or tell on whoever took the picture."""
IN_PIXELS = "09-disguise/PNG_32x32_resize_bypass_use_LFI.png"
"""Its pixels are such that a PNG of them spells PHP. Who keeps the pixels keeps the spelling."""
ENDS = {"jpeg": b"\xff\xd9", "png": b"IEND\xaeB`\x82"}


@dataclass(frozen=True)
class Fate:
    """What became of a picture."""

    refused: str | None = None
    format: str = ""
    sha256: str = ""
    data: bytes = b""


def rows() -> list[object]:
    if not (FOLDER / "INDEX.tsv").is_file():
        return [pytest.param("", "", marks=pytest.mark.skip(reason=REASON))]
    with (FOLDER / "INDEX.tsv").open(encoding="utf-8", newline="") as index:
        lines = csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [pytest.param(each["file"], each["expected"], id=each["file"]) for each in lines]


def fate(api: API, picture: bytes) -> Fate:
    answer = api.post("/api/v1/resize?width=320&fresh=1", content=picture)
    assert answer.status_code < 500, answer.text
    if answer.status_code != 202:
        assert answer.headers["content-type"] == PROBLEM
        return Fate(refused=answer.json()["code"])
    job = api.ended(answer, within_s=100)
    if job["status"] == "failed":
        return Fate(refused=job["error"]["code"])
    told = job["result"]
    return Fate(None, told["format"], told["sha256"], api.result(job))


@pytest.mark.parametrize(("file", "expected"), rows())
def test_a_picture_of_the_corpus_meets_its_fate(api: API, file: str, expected: str) -> None:
    picture = (FOLDER / file).read_bytes()

    found = fate(api, picture)

    assert found.refused is None or found.refused in TYPED
    if expected == "OK":
        assert found.refused is None
    elif expected == "REJECT":
        assert found.refused is not None
    elif expected == "EITHER":
        assert fate(api, picture) == found
    else:
        assert expected == "INERT"
    if file != IN_PIXELS:
        assert not [each for each in ACTIVE if each in found.data]
    assert found.data.endswith(ENDS.get(found.format, b""))


@pytest.mark.skipif(not (FOLDER / IN_PIXELS).is_file(), reason=REASON)
def test_a_payload_in_the_pixels_leaves_as_nothing_but_a_picture(api: API) -> None:
    job = api.completed(api.short("resize", (FOLDER / IN_PIXELS).read_bytes(), width=320))

    served = api.get(job["result"]["url"])

    assert served.headers["content-type"] == "image/png"
    assert served.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in served.headers["content-security-policy"]
