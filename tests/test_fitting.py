"""A picture is fitted into a box as `resize` promises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagemill.geometry import Fit, Size, fitted

WIDE = Size(400, 300)
sides = st.integers(1, 5000)
sizes = st.builds(Size, sides, sides)


@pytest.mark.parametrize(
    ("fit", "scaled", "framed"),
    [
        (Fit.COVER, Size(200, 150), Size(100, 150)),
        (Fit.CONTAIN, Size(100, 75), Size(100, 150)),
        (Fit.FILL, Size(100, 150), Size(100, 150)),
        (Fit.INSIDE, Size(100, 75), Size(100, 75)),
        (Fit.OUTSIDE, Size(200, 150), Size(200, 150)),
    ],
)
def test_each_fit_does_what_its_name_says(fit: Fit, scaled: Size, framed: Size) -> None:
    found = fitted(WIDE, 100, 150, fit, enlarge=False)

    assert (found.scaled, found.framed) == (scaled, framed)


@pytest.mark.parametrize(
    ("fit", "framed"),
    [
        (Fit.COVER, Size(400, 200)),
        (Fit.CONTAIN, Size(800, 400)),
        (Fit.FILL, Size(400, 300)),
        (Fit.INSIDE, Size(400, 300)),
        (Fit.OUTSIDE, Size(400, 300)),
    ],
)
def test_a_box_that_is_too_large_enlarges_nothing(fit: Fit, framed: Size) -> None:
    found = fitted(WIDE, 800, 400, fit, enlarge=False)

    assert found.framed == framed
    assert found.scaled == WIDE


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(100, None, Size(100, 75)), (None, 150, Size(200, 150)), (800, None, WIDE), (None, 301, WIDE)],
)
def test_one_side_keeps_the_shape(width: int | None, height: int | None, expected: Size) -> None:
    assert fitted(WIDE, width, height, Fit.COVER, enlarge=False).framed == expected


@given(sizes, sizes)
def test_enlarging_cover_contain_and_fill_give_exactly_the_box(size: Size, box: Size) -> None:
    for fit in (Fit.COVER, Fit.CONTAIN, Fit.FILL):
        assert fitted(size, box.width, box.height, fit, enlarge=True).framed == box


@given(sizes, sizes, st.sampled_from(Fit))
def test_nothing_is_enlarged_unless_asked(size: Size, box: Size, fit: Fit) -> None:
    scaled = fitted(size, box.width, box.height, fit, enlarge=False).scaled

    assert scaled.width <= size.width
    assert scaled.height <= size.height


@given(sizes, sizes, st.booleans())
def test_cover_has_pixels_for_all_of_its_frame(size: Size, box: Size, enlarge: bool) -> None:  # noqa: FBT001 - hypothesis draws it.
    found = fitted(size, box.width, box.height, Fit.COVER, enlarge=enlarge)

    assert found.scaled.width >= found.framed.width
    assert found.scaled.height >= found.framed.height


@given(sizes, sizes)
def test_inside_stays_in_the_box(size: Size, box: Size) -> None:
    found = fitted(size, box.width, box.height, Fit.INSIDE, enlarge=True).framed

    assert found.width <= box.width
    assert found.height <= box.height
    assert box.width == found.width or box.height == found.height


@given(sizes, sides, st.booleans())
def test_a_side_that_is_given_is_kept(size: Size, width: int, enlarge: bool) -> None:  # noqa: FBT001 - hypothesis draws it.
    found = fitted(size, width, None, Fit.COVER, enlarge=enlarge).framed

    assert found.width == (width if enlarge else min(width, size.width))
