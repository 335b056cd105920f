"""A mark lies where it was asked for, as faint as it was asked for, and text is really drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from imagemill.engine import fonts
from imagemill.errors import InvalidRequest, OutputImpossible
from imagemill.pipeline import parse_step
from tests.operations import references as ref
from tests.operations.distance import mean_and_most
from tests.operations.mill import MOVING, Levels, made, plain
from tests.pictures.draw import HEIGHT, WIDTH, picture, png, scene

MARK_SIZE = (23, 11)
LEAVES = (0.3, 1.8)
"""Levels of 255, mean and most: colour and alpha are each rounded once after the mix."""


def marked(name: str, **parameters: Any) -> Levels:  # noqa: ANN401 - any parameter of the step
    step = {"op": "watermark", "image_id": "mark", "margin": 0, **parameters}
    return made(picture(name), step, pictures={"mark": picture("mark.png")}).levels


@pytest.mark.parametrize(
    ("parameters", "left", "top"),
    [
        ({"gravity": "northwest"}, 0, 0),
        ({"gravity": "southeast"}, WIDTH - 23, HEIGHT - 11),
        ({"gravity": "southeast", "margin": 6}, WIDTH - 29, HEIGHT - 17),
        ({"gravity": "northwest", "margin": 6, "x": 3, "y": -2}, 9, 4),
        ({"gravity": "center", "margin": 6}, 37, 25),
        ({"gravity": "northwest", "x": -9, "y": -4}, -9, -4),
        ({"gravity": "southeast", "x": 10, "y": 5}, WIDTH - 13, HEIGHT - 6),
    ],
)
@pytest.mark.parametrize("name", ["opaque.png", "alpha.png", "deep_16bit.png", "cmyk_icc.jpg"])
def test_a_mark_is_laid_over_its_place(
    name: str, parameters: dict[str, Any], left: int, top: int
) -> None:
    after = marked(name, **parameters)

    wanted = ref.over(plain(picture(name)), plain(picture("mark.png")), left, top)
    mean, most = mean_and_most(after, wanted)
    assert (mean <= LEAVES[0], most <= LEAVES[1]) == (True, True), (mean, most)


def test_opacity_makes_the_mark_fainter() -> None:
    after = marked("opaque.png", gravity="northwest", opacity=0.35)

    wanted = ref.over(scene(), plain(picture("mark.png")), 0, 0, opacity=0.35)
    assert mean_and_most(after, wanted)[1] <= LEAVES[1]


def test_an_invisible_mark_changes_nothing() -> None:
    assert np.array_equal(marked("opaque.png", opacity=0), scene())


def test_tiles_cover_the_picture_with_the_margin_between_them() -> None:
    after = marked("opaque.png", tiled=True, margin=4, x=5, y=3)

    wanted = scene().astype(float)
    for top in range(3 - 15, HEIGHT, 15):
        for left in range(5 - 27, WIDTH, 27):
            wanted = ref.over(
                np.rint(wanted).astype(np.uint8), plain(picture("mark.png")), left, top
            )
    assert mean_and_most(after, wanted)[1] <= LEAVES[1]


def test_a_quarter_turn_of_the_mark_moves_its_pixels_only() -> None:
    after = marked("opaque.png", gravity="northwest", angle=90)

    turned = np.rot90(plain(picture("mark.png")), -1)
    assert mean_and_most(after, ref.over(scene(), turned, 0, 0))[1] <= LEAVES[1]


@pytest.mark.parametrize(
    ("parameters", "width", "height"),
    [
        ({"scale": 0.5}, 49, 23),
        ({"scale": 0.1}, 10, 5),
        ({"scale": 1, "margin": 20}, 44, 21),
        ({"scale": 0.5, "angle": 90}, 23, 49),
    ],
)
def test_a_scaled_mark_is_a_share_of_the_picture_and_always_fits(
    parameters: dict[str, Any], width: int, height: int
) -> None:
    solid = png(np.full((11, 23, 4), 255, dtype=np.uint8))
    step = {"op": "watermark", "image_id": "m", "margin": 0, "gravity": "center", **parameters}
    black = png(np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8))

    after = made(black, step, pictures={"m": solid}).levels[..., 0] > 128

    assert (int(after.any(axis=0).sum()), int(after.any(axis=1).sum())) == (width, height)


def test_a_mark_that_is_too_large_is_made_smaller() -> None:
    huge = png(np.full((400, 300, 3), 255, dtype=np.uint8))
    step = {"op": "watermark", "image_id": "huge", "margin": 5, "gravity": "center"}

    after = made(png(np.zeros((61, 97, 3), np.uint8)), step, pictures={"huge": huge}).levels

    rows = (after[..., 0] > 128).any(axis=1)
    assert rows.sum() == HEIGHT - 10
    assert (after[..., 0] > 128).any(axis=0).sum() == 38


def test_every_frame_gets_the_same_mark() -> None:
    step = {"op": "watermark", "image_id": "mark", "gravity": "northwest", "margin": 0}

    result = made(
        picture("animated.webp"), step, end=MOVING, pictures={"mark": picture("mark.png")}
    )

    before = made(picture("animated.webp"), end=MOVING).frames
    for frame, old in zip(result.frames, before, strict=True):
        wanted = ref.over(old[..., :3], plain(picture("mark.png")), 0, 0)
        assert mean_and_most(frame[..., :3], wanted)[1] <= LEAVES[1]


def test_a_text_is_what_pillow_draws() -> None:
    step = {"op": "watermark", "text": "Ag(z)\nQj", "font_size": 20, "margin": 0, "x": 3, "y": 2}
    blank = np.full((80, 120, 3), 40, dtype=np.uint8)

    after = made(png(blank), {**step, "gravity": "northwest", "colour": "#ffcc00"}).levels

    image = Image.new("L", (120, 80))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(20)
    draw.multiline_text((10, 10), "Ag(z)\nQj", font=font, fill=255)
    ink = image.crop(image.getbbox())
    image.paste(0, (0, 0, 120, 80))
    image.paste(ink, (3, 2))
    share = np.asarray(image)[..., None] / 255
    assert mean_and_most(after, blank * (1 - share) + np.array([255, 204, 0]) * share)[1] <= 1.5


def test_a_text_of_a_share_of_the_width_is_drawn_that_wide() -> None:
    step = {"op": "watermark", "text": "WIDE", "scale": 0.5, "gravity": "center", "margin": 0}

    after = made(png(np.zeros((200, 600, 3), np.uint8)), step).levels

    ink = np.flatnonzero((after[..., 0] > 60).any(axis=0))
    assert int(ink[-1] - ink[0]) + 1 == pytest.approx(300, abs=2)


def test_markup_is_drawn_and_not_read() -> None:
    def ink(text: str) -> int:
        step = {"op": "watermark", "text": text, "gravity": "center"}
        return int(made(png(np.zeros((99, 900, 3), np.uint8)), step).levels.sum())

    assert ink("<b>bold</b> & more") > ink("bold") > 0


def test_a_known_family_is_drawn_with_its_own_shapes() -> None:
    step = {"op": "watermark", "text": "Imagemill", "gravity": "center"}
    blank = png(np.zeros((99, 400, 3), np.uint8))

    drawn = {
        name: int(made(blank, {**step, "font": name.upper()}).levels.sum())
        for name in fonts.preload().names[:2]
    }

    assert len(set(drawn.values())) == len(drawn)


def test_an_unknown_font_is_refused_with_the_known_ones() -> None:
    step = {"op": "watermark", "text": "a", "font": "Wingdongs"}

    with pytest.raises(OutputImpossible, match=r"Wingdongs.*known are default"):
        made(picture("opaque.png"), step)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [({"text": " "}, "blanks"), ({"text": "W" * 500, "font_size": 1000}, "at most 10000")],
)
def test_a_text_that_cannot_be_drawn_is_refused(parameters: dict[str, Any], reason: str) -> None:
    with pytest.raises(OutputImpossible, match=reason):
        made(picture("opaque.png"), {"op": "watermark", **parameters})


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({}, "either image_id or text"),
        ({"image_id": "a", "text": "b"}, "either image_id or text"),
        ({"text": "a\x00b"}, "pattern"),
        ({"text": "x" * 501}, "500"),
        ({"text": "x", "opacity": 1.1}, "at most 1"),
    ],
)
def test_a_mark_that_is_none_or_two_is_refused(parameters: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_step({"op": "watermark", **parameters})

    assert named in " ".join(error.problem for error in refusal.value.errors)


def test_a_mark_names_the_image_that_it_needs() -> None:
    assert parse_step({"op": "watermark", "image_id": "img_1"}).images == ("img_1",)
    assert parse_step({"op": "watermark", "text": "x"}).images == ()


def test_an_image_that_was_not_handed_over_is_refused() -> None:
    with pytest.raises(OutputImpossible, match="not handed"):
        made(picture("opaque.png"), {"op": "watermark", "image_id": "absent"})
