"""Where boxes lie and how large turned ones are: pure arithmetic, checked by its own laws."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from imagemill.geometry import (
    Box,
    Compass,
    Focus,
    Gravity,
    Size,
    of_ratio,
    placed,
    quarter_turns,
    rounded,
    turned,
)

SIDES = some.integers(1, 10_000)
SIZES = some.builds(Size, SIDES, SIDES)
FRACTIONS = some.floats(0, 1)
PLACES = some.one_of(some.sampled_from(Compass), some.builds(Focus, FRACTIONS, FRACTIONS))


@given(SIZES, SIZES, PLACES)
def test_a_size_that_fits_is_placed_wholly_within(
    one: Size, other: Size, where: Compass | Focus
) -> None:
    inner = Size(min(one.width, other.width), min(one.height, other.height))

    box = placed(inner, other, where)

    assert box.within(other)


@pytest.mark.parametrize(
    ("where", "place"),
    [
        (Compass.NORTHWEST, (0, 0)),
        (Compass.NORTH, (3, 0)),
        (Compass.CENTER, (3, 2)),
        (Compass.EAST, (7, 2)),
        (Compass.SOUTHEAST, (7, 5)),
        (Focus(0, 0), (0, 0)),
        (Focus(1, 1), (7, 5)),
        (Focus(0.5, 0.5), (4, 3)),
    ],
)
def test_the_pixel_that_is_left_over_stays_right_or_below(
    where: Compass | Focus, place: tuple[int, int]
) -> None:
    box = placed(Size(3, 4), Size(10, 9), where)

    assert (box.left, box.top) == place


def test_a_size_that_is_too_large_hangs_over_on_both_sides() -> None:
    box = placed(Size(14, 5), Size(10, 9), Compass.CENTER)

    assert box == Box(-2, 2, 14, 5)
    assert not box.within(Size(10, 9))


@given(SIZES, some.integers(1, 50), some.integers(1, 50))
def test_a_shape_touches_two_opposite_sides_of_what_it_is_cut_from(
    size: Size, across: int, down: int
) -> None:
    cut = of_ratio(size, across, down)

    assert cut.width == size.width or cut.height == size.height
    assert Box(0, 0, cut.width, cut.height).within(size)
    assert abs(cut.width * down - cut.height * across) <= max(across, down) or 1 in {
        cut.width,
        cut.height,
    }


@given(SIZES, some.integers(-8, 8))
def test_quarter_turns_keep_or_swap_the_sides(size: Size, quarters: int) -> None:
    after = turned(size, quarters * 90)

    assert (after.width, after.height) == (
        (size.width, size.height) if quarters % 2 == 0 else (size.height, size.width)
    )


@given(SIZES, some.floats(-3600, 3600))
def test_a_turned_picture_is_as_large_as_its_corners_reach(size: Size, degrees: float) -> None:
    after = turned(size, degrees)

    angle = math.radians(degrees)
    corners = [(x * size.width, y * size.height) for x in (0, 1) for y in (0, 1)]
    across = [x * math.cos(angle) - y * math.sin(angle) for x, y in corners]
    down = [x * math.sin(angle) + y * math.cos(angle) for x, y in corners]
    assert after.width == pytest.approx(max(across) - min(across), abs=0.51)
    assert after.height == pytest.approx(max(down) - min(down), abs=0.51)


@pytest.mark.parametrize(("degrees", "quarters"), [(0, 0), (-90, 3), (450, 1), (720, 0), (-180, 2)])
def test_quarters_are_counted_clockwise(degrees: float, quarters: int) -> None:
    assert quarter_turns(degrees) == quarters


@pytest.mark.parametrize("degrees", [1, 89.999, -45, 1e-9])
def test_an_angle_between_has_no_quarters(degrees: float) -> None:
    assert quarter_turns(degrees) is None


@pytest.mark.parametrize(("value", "whole"), [(0.5, 1), (1.5, 2), (2.5, 3), (2.4999, 2), (-0.5, 0)])
def test_halves_are_rounded_up(value: float, whole: int) -> None:
    assert rounded(value) == whole


def test_boxes_are_joined_to_the_smallest_that_holds_both() -> None:
    joined = Box(2, 3, 4, 5).joined(Box(5, 1, 6, 3))

    assert joined == Box(2, 1, 9, 7)


def test_an_empty_box_adds_nothing() -> None:
    box, empty = Box(2, 3, 4, 5), Box(0, 0, 0, 0)

    assert box.joined(empty) == empty.joined(box) == box


def test_every_gravity_is_a_compass_point_or_looks_at_pixels() -> None:
    looking = {gravity for gravity in Gravity if gravity.compass is None}

    assert looking == {Gravity.ATTENTION, Gravity.ENTROPY}
    assert {gravity.value for gravity in Gravity} - {each.value for each in looking} == set(Compass)
