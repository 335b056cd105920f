"""Fonts are found by family and style, bounded, and drawn without a file being opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagemill.colour import parse
from imagemill.engine import fonts
from imagemill.errors import OutputImpossible

INK = parse("#ff8000c0")


def found() -> list[Path]:
    return sorted(path for folder in fonts.FOLDERS for path in folder.rglob("*.ttf"))


def folder_with(folder: Path, *files: Path) -> tuple[Path, ...]:
    for number, file in enumerate(files):
        (folder / f"{number}.ttf").write_bytes(file.read_bytes())
    return (folder,)


def test_without_any_folder_the_built_in_font_is_there() -> None:
    assert fonts.preload((Path("/nowhere"),)).names == ("default",)


def test_a_file_that_is_no_font_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font at all")
    (tmp_path / "empty.ttf").touch()

    assert fonts.preload((tmp_path,)).names == ("default",)


def test_a_file_that_vanished_meanwhile_is_left_out(tmp_path: Path) -> None:
    assert fonts._mapped(tmp_path / "gone.ttf", room=100) is None


def test_a_file_that_no_room_is_left_for_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "large.ttf").write_bytes(bytes(101))

    assert fonts._mapped(tmp_path / "large.ttf", room=100) is None


@pytest.mark.may_skip("a machine without fonts has none to find")
def test_a_plain_style_answers_to_its_family_alone(tmp_path: Path) -> None:
    if not found():
        pytest.skip("this machine has no fonts")

    known = fonts.preload(folder_with(tmp_path, *found()[:5])).names

    assert any(f"{name} {style}" in known for name in known for style in ("book", "regular")) or (
        all(" " in name for name in known[1:])
    )


def test_a_text_is_as_large_as_its_ink() -> None:
    drawn = fonts.drawn("Hill", font="default", size_px=40, colour=INK)

    alpha = drawn[3]
    assert [alpha.crop(*edge).max() > 0 for edge in _edges(alpha.width, alpha.height)] == [True] * 4


def test_a_text_has_the_colour_and_the_opacity_that_were_asked_for() -> None:
    drawn = fonts.drawn("I", font="default", size_px=90, colour=INK)

    assert drawn(drawn.width // 2, drawn.height // 2) == [255, 128, 0, 192]
    assert drawn.interpretation == "srgb"


def test_an_unknown_name_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(OutputImpossible, match="known are default"):
        fonts.drawn("a", font="Wingdongs", size_px=10, colour=INK)


@pytest.mark.parametrize("text", ["W" * 400, "\n" * 400])
def test_a_text_that_would_be_huge_is_refused_before_it_is_drawn(text: str) -> None:
    with pytest.raises(OutputImpossible, match="at most 10000"):
        fonts.drawn(text + "a", font="default", size_px=1000, colour=INK)


def test_preloading_twice_gives_the_same_fonts() -> None:
    assert fonts.preload() is fonts.preload()


def _edges(width: int, height: int) -> list[tuple[int, int, int, int]]:
    return [
        (0, 0, width, 1),
        (0, height - 1, width, 1),
        (0, 0, 1, height),
        (width - 1, 0, 1, height),
    ]
