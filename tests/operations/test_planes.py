"""What is seen where a step makes room: backgrounds of rotate and pad."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from imagemill.errors import InvalidRequest
from imagemill.pipeline import parse_step
from tests.operations.mill import made, plain
from tests.pictures.draw import HEIGHT, WIDTH, picture, scene

ROOM = {"op": "pad", "top": 2, "right": 3, "bottom": 4, "left": 5}


@pytest.mark.parametrize(
    ("name", "background", "bands", "corner"),
    [
        ("opaque.png", "#102030", 3, (16, 32, 48)),
        ("opaque.png", "#10203080", 4, (16, 32, 48, 128)),
        ("alpha.png", "#102030", 4, (16, 32, 48, 255)),
        ("alpha.png", "transparent", 4, (0, 0, 0, 0)),
        ("grey.png", "#808080", 1, (128,)),
        ("grey.png", "#102030", 3, (16, 32, 48)),
        ("grey.png", "transparent", 2, (0, 0)),
        ("grey_alpha.png", "#102030", 4, (16, 32, 48, 255)),
        ("deep_16bit.png", "#102030", 3, (16, 32, 48)),
        ("cmyk_icc.jpg", "#102030", 3, (16, 32, 48)),
    ],
)
@pytest.mark.parametrize("room", [ROOM, {"op": "rotate", "angle": 30}])
def test_a_background_brings_the_bands_that_it_needs(
    room: dict[str, Any], name: str, background: str, bands: int, corner: tuple[int, ...]
) -> None:
    after = made(picture(name), {**room, "background": background}).levels

    assert after.shape[-1] == bands
    assert tuple(after[0, 0]) == corner


@pytest.mark.parametrize("name", ["opaque.png", "alpha.png", "grey.png", "grey_alpha.png"])
def test_padding_leaves_the_picture_itself_as_it_is(name: str) -> None:
    after = made(picture(name), {**ROOM, "background": "transparent"}).levels

    before = plain(picture(name))
    assert after.shape[:2] == (HEIGHT + 6, WIDTH + 8)
    assert np.array_equal(after[2:-4, 5:-3, : before.shape[-1]], before)


def test_padding_up_to_a_size_never_cuts() -> None:
    after = made(picture("opaque.png"), {"op": "pad", "width": 50, "height": 100})

    assert after.size == (WIDTH, 100)


@pytest.mark.parametrize(("angle", "quarters"), [(90, -1), (-90, 1)])
def test_a_quarter_turn_without_expand_keeps_the_size_and_the_middle(
    angle: float, quarters: int
) -> None:
    step = {"op": "rotate", "angle": angle, "expand": False, "background": "#ff000080"}

    after = made(picture("opaque.png"), step).levels

    whole = np.rot90(scene(), quarters)
    assert after.shape == (HEIGHT, WIDTH, 4)
    assert np.array_equal(after[:, 18 : 18 + HEIGHT, :3], whole[18 : 18 + HEIGHT])
    assert tuple(after[0, 0]) == (255, 0, 0, 128)


def test_a_full_turn_in_four_leaves_every_pixel_where_it_was() -> None:
    quarter = {"op": "rotate", "angle": 90}

    after = made(picture("alpha.png"), quarter, quarter, quarter, quarter).levels

    assert np.array_equal(after, plain(picture("alpha.png")))


def test_hidden_colour_does_not_bleed_into_turned_edges() -> None:
    after = made(picture("alpha.png"), {"op": "rotate", "angle": 33}).levels.astype(float)

    red, green, blue, alpha = np.moveaxis(after, -1, 0)
    greenish = (green > red + 120) & (green > blue + 120) & (alpha > 8)
    assert not greenish.any()


@pytest.mark.parametrize(
    ("step", "named"),
    [
        ({"op": "pad"}, "give top, right, bottom or left"),
        ({"op": "pad", "left": 3, "width": 200}, "either sides"),
        ({"op": "pad", "left": 10_001}, "at most 10000"),
        ({"op": "pad", "left": 1, "background": "blurple"}, "no colour"),
        ({"op": "rotate"}, "missing"),
        ({"op": "rotate", "angle": "nan"}, "finite|at least|at most|more than|less than"),
        ({"op": "rotate", "angle": 4000}, "at most 3600"),
        ({"op": "filter", "type": "sepia", "levels": 4}, "levels goes with posterize"),
        ({"op": "filter", "type": "sepia", "size": 4}, "size goes with median and pixelate"),
        ({"op": "filter", "type": "median", "size": 4}, "size of median"),
        ({"op": "filter", "type": "cubism"}, "grayscale"),
        ({"op": "blur", "sigma": 0}, "at least 0.3"),
        ({"op": "adjust", "gamma": 0}, "at least 0.1"),
    ],
)
def test_parameters_out_of_bounds_are_refused_by_name(step: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_step(step)

    problems = " ".join(error.problem for error in refusal.value.errors)
    assert any(word in problems for word in named.split("|")), problems
