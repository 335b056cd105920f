"""`imagemill process` works on real files, without a server, and tells what became of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.programs import draw, imagemill, made

pytestmark = pytest.mark.server


def test_a_folder_keeps_its_shape_and_a_broken_picture_stops_nothing(tmp_path: Path) -> None:
    draw(tmp_path / "in" / "a.png")
    draw(tmp_path / "in" / "summer" / "b.jpg")
    (tmp_path / "in" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")

    said = imagemill("process", "in", "--resize", "32x24", "-f", "webp", "-o", "out", cwd=tmp_path)

    assert said.code == 1
    written = sorted(str(each.relative_to(tmp_path)) for each in (tmp_path / "out").rglob("*.*"))
    assert written == ["out/a.webp", "out/summer/b.webp"]
    assert made(tmp_path / "out" / "a.webp") == ("WEBP", (32, 24))
    assert "in/broken.jpg: " in said.err
    assert "2 results of 2 pictures" in said.err
    assert "1 failed" in said.err


def test_what_exists_is_kept_until_overwriting_is_asked_for(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.webp").write_bytes(b"mine")

    refused = imagemill("process", "a.png", "-f", "webp", cwd=tmp_path)
    kept = (tmp_path / "out" / "a.webp").read_bytes()
    replaced = imagemill("process", "a.png", "-f", "webp", "--overwrite", cwd=tmp_path)

    assert (refused.code, kept) == (1, b"mine")
    assert "out/a.webp exists; --overwrite replaces it." in refused.err
    assert replaced.code == 0
    assert made(tmp_path / "out" / "a.webp") == ("WEBP", (64, 48))


def test_an_original_is_never_replaced(tmp_path: Path) -> None:
    original = draw(tmp_path / "a.png").read_bytes()
    arguments = ("process", "a.png", "-f", "png", "-o", ".", "--overwrite")

    said = imagemill(*arguments, cwd=tmp_path)

    assert said.code == 1
    assert "is the original itself" in said.err
    assert (tmp_path / "a.png").read_bytes() == original


def test_a_single_result_may_be_named_and_its_suffix_says_the_format(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")

    said = imagemill("process", "a.png", "--resize", "x12", "-o", "thumb.jpg", cwd=tmp_path)

    assert said.code == 0
    assert made(tmp_path / "thumb.jpg") == ("JPEG", (16, 12))


def test_several_outputs_come_from_one_decode_and_programs_get_json(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    steps = {"small": [{"op": "resize", "width": 8}], "facts": [{"op": "metadata"}]}
    (tmp_path / "pipeline.json").write_text(json.dumps(steps))

    said = imagemill("process", "a.png", "--pipeline", "pipeline.json", "--json", cwd=tmp_path)

    (picture,) = json.loads(said.out)
    assert [each["path"] for each in picture["results"]] == ["out/a-small.png", "out/a-facts.json"]
    assert json.loads((tmp_path / "out" / "a-facts.json").read_text())["format"] == "png"
    assert picture["error"] is None


def test_a_data_folder_remembers_what_was_done(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    arguments = ("process", "a.png", "--step", "flip", "--data", "kept", "--overwrite", "--json")

    first = imagemill(*arguments, cwd=tmp_path)
    again = imagemill(*arguments, cwd=tmp_path)

    cached = [json.loads(said.out)[0]["results"][0]["cached"] for said in (first, again)]
    assert cached == [False, True]


def test_nothing_is_left_behind_without_a_data_folder(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    (tmp_path / "tmp").mkdir()

    said = imagemill("process", "a.png", cwd=tmp_path, TMPDIR=str(tmp_path / "tmp"))

    assert said.code == 0
    assert list((tmp_path / "tmp").iterdir()) == []
