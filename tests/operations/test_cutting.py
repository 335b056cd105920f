"""Crop and trim: what is kept, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from imagemill.errors import InvalidRequest, OutputImpossible
from imagemill.pipeline import parse_step
from tests.operations.mill import MOVING, made, plain
from tests.pictures.draw import HEIGHT, WIDTH, picture, png, scene

BORDER = (5, 11)
"""Rows above and columns left of the scene in `bordered.png`."""


@pytest.mark.parametrize(
    ("gravity", "left", "top"),
    [
        ("center", 38, 20),
        ("north", 38, 0),
        ("northeast", 77, 0),
        ("east", 77, 20),
        ("southeast", 77, 41),
        ("south", 38, 41),
        ("southwest", 0, 41),
        ("west", 0, 20),
        ("northwest", 0, 0),
    ],
)
def test_gravity_says_which_part_is_kept(gravity: str, left: int, top: int) -> None:
    step = {"op": "crop", "width": 20, "height": 20, "gravity": gravity}

    kept = made(picture("opaque.png"), step).levels

    assert np.array_equal(kept, scene()[top : top + 20, left : left + 20])


def test_a_focal_point_stands_in_the_middle_of_what_is_kept() -> None:
    step = {"op": "crop", "width": 21, "height": 11, "focus_x": 58 / WIDTH, "focus_y": 40 / HEIGHT}

    kept = made(picture("opaque.png"), step).levels

    assert np.array_equal(kept, scene()[35:46, 48:69])


@pytest.mark.parametrize("gravity", ["attention", "entropy"])
def test_the_part_with_the_most_in_it_is_found(gravity: str) -> None:
    empty = np.full((80, 200, 3), 128, dtype=np.uint8)
    empty[20:60, 140:180] = scene()[:40, :40]

    kept = made(png(empty), {"op": "crop", "width": 60, "height": 80, "gravity": gravity}).levels

    seen = np.abs(kept.astype(int) - 128).sum()
    assert seen > 0.9 * np.abs(empty.astype(int) - 128).sum()


def test_what_draws_the_eye_is_cut_alike_from_all_frames() -> None:
    step = {"op": "crop", "width": 30, "height": 30, "gravity": "attention"}

    frames = made(picture("animated.webp"), step, end=MOVING).frames

    whole = made(picture("animated.webp"), end=MOVING).frames
    places = [_place(frame, within) for frame, within in zip(frames, whole, strict=True)]
    assert len(set(places)) == 1


def test_a_ratio_keeps_the_largest_part_of_that_shape() -> None:
    kept = made(picture("opaque.png"), {"op": "crop", "ratio": "1:1"}).levels

    assert np.array_equal(kept, scene()[:, 18 : 18 + HEIGHT])


@pytest.mark.parametrize(
    "box",
    [
        {"left": 80, "top": 0, "width": 20, "height": 10},
        {"left": 0, "top": 60, "width": 20, "height": 2},
        {"left": 500, "top": 500, "width": 1, "height": 1},
        {"width": 98},
        {"height": 62},
    ],
)
def test_a_crop_that_leaves_the_picture_is_refused_with_its_size(box: dict[str, Any]) -> None:
    with pytest.raises(OutputImpossible, match="97 x 61") as refusal:
        made(picture("opaque.png"), {"op": "crop", **box})

    assert refusal.value.limit == {"width_px": WIDTH, "height_px": HEIGHT}


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({}, "width, height or ratio"),
        ({"left": 3, "width": 5, "height": 5}, "left and top"),
        ({"left": 3, "top": 3, "width": 5}, "need width and height"),
        ({"ratio": "1:1", "width": 5}, "ratio stands alone"),
        ({"width": 5, "focus_x": 0.5}, "focus_x and focus_y"),
        ({"x": -1, "y": 0, "width": 5, "height": 5}, "at least 0"),
        ({"x": 1, "left": 1, "top": 0, "width": 5, "height": 5}, "not known"),
        ({"ratio": "0:1"}, "pattern"),
    ],
)
def test_parameters_that_make_no_box_are_refused(parameters: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_step({"op": "crop", **parameters})

    assert named in " ".join(error.problem for error in refusal.value.errors)


def test_a_trim_takes_the_border_and_nothing_else() -> None:
    left = made(picture("bordered.png"), {"op": "trim"}).levels

    assert np.array_equal(left, scene())


def test_a_strict_trim_keeps_noise() -> None:
    kept = made(picture("bordered.png"), {"op": "trim", "tolerance": 0, "background": "white"})

    assert kept.size == (WIDTH + 18, HEIGHT + 14)


def test_a_trim_of_another_colour_leaves_the_picture_as_it_is() -> None:
    kept = made(picture("bordered.png"), {"op": "trim", "background": "navy"}).levels

    assert np.array_equal(kept, plain(picture("bordered.png")))


def test_a_picture_of_one_colour_stays_as_it_is() -> None:
    kept = made(picture("uniform.png"), {"op": "trim"}).levels

    assert np.array_equal(kept, plain(picture("uniform.png")))


def test_a_transparent_border_is_one_border_whatever_colour_hides_in_it() -> None:
    hidden = np.zeros((30, 40, 4), dtype=np.uint8)
    hidden[..., :3] = np.random.default_rng(seed=1).integers(0, 256, (30, 40, 3))
    hidden[8:20, 10:33, 3] = 255

    left = made(png(hidden), {"op": "trim"}).levels

    assert np.array_equal(left, hidden[8:20, 10:33])


def test_a_grey_picture_is_trimmed_to_what_differs() -> None:
    grey = np.full((20, 20, 1), 200, dtype=np.uint8)
    grey[4:9, 7:8] = 20

    left = made(png(grey), {"op": "trim"}).levels

    assert np.array_equal(left, grey[4:9, 7:8])


def test_frames_are_trimmed_to_what_any_of_them_shows() -> None:
    border = {"op": "pad", "left": 9, "top": 4, "background": "#010203"}

    frames = made(picture("animated.webp"), border, {"op": "trim"}, end=MOVING).frames

    assert {frame.shape[:2] for frame in frames} == {(HEIGHT, WIDTH)}


def _place(part: np.ndarray[Any, Any], whole: np.ndarray[Any, Any]) -> tuple[int, int]:
    height, width = part.shape[:2]
    return next(
        (left, top)
        for top in range(whole.shape[0] - height + 1)
        for left in range(whole.shape[1] - width + 1)
        if np.array_equal(whole[top : top + height, left : left + width, :3], part[..., :3])
    )
