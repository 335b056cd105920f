"""Every operation makes the pixels that an independent reference makes, on every kind of picture.

Tolerances are in levels of 255, as (mean, most) over all pixels:

- exact: only moved pixels, or whole-number arithmetic without rounding;
- rounded: the same formula, rounded once to whole levels, so at most one level apart;
- bell: libvips cuts the bell at 2.8 sigmas and, on 8 bits, takes whole numbers for its weights,
  which is 30 times as fast and may add one level all over; the reference goes on to 4 sigmas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.operations import references as ref
from tests.operations.distance import mean_and_most, visible
from tests.operations.mill import MOVING, Levels, made, plain
from tests.pictures.draw import picture

Wanted = Callable[[Levels], NDArray[Any]]

EXACT = (0.0, 0.0)
ROUNDED = (0.6, 1.5)
BELL = (1.2, 4.5)
SAMPLED = 4.0
"""Most levels apart where pixels are sampled: libvips knows 64 places between two of them."""

STILL = (
    "opaque.png",
    "alpha.png",
    "grey.png",
    "grey_alpha.png",
    "deep_16bit.png",
    "deep_grey_16bit.png",
    "cmyk_icc.jpg",
    *(f"orientation_{number}.jpg" for number in range(1, 9)),
)


@dataclass(frozen=True)
class Case:
    """A step, what it ought to make of levels, and how near it must come."""

    step: Mapping[str, Any]
    wanted: Wanted
    tolerance: tuple[float, float]

    def __str__(self) -> str:
        return "-".join(str(value) for value in self.step.values())


def filtered(name: str, **parameters: float) -> dict[str, Any]:
    return {"op": "filter", "type": name, **parameters}


def sepia(levels: Levels) -> NDArray[Any]:
    matrix = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
    colour = levels if levels.shape[-1] > 2 else np.dstack([levels[..., [0] * 3], levels[..., 1:]])
    return ref.on_colour(colour, lambda plane: plane @ matrix.T)


def mixed(share: float, look: Wanted) -> Wanted:
    return lambda levels: levels * (1 - share) + look(levels) * share


def grayscale(levels: Levels) -> NDArray[Any]:
    return ref.on_colour(levels, lambda c: np.repeat(ref.luma(c), c.shape[-1], axis=-1))


def in_one_band(look: Wanted) -> Wanted:
    """Expect of equal bands the first, and the alpha."""
    return lambda levels: look(levels)[..., [0, -1] if ref.has_alpha(levels) else [0]]


def posterized(levels: Levels, count: int) -> NDArray[Any]:
    step = 255 / (count - 1)
    return ref.on_colour(levels, lambda c: np.floor(c / step + 0.5) * step)


def over_black(levels: Levels, look: Callable[[ref.Plane], ref.Plane]) -> NDArray[Any]:
    if not ref.has_alpha(levels):
        return ref.cut(look(levels.astype(float)))
    seen = levels[..., :-1] * (levels[..., -1:] / 255)
    return np.dstack([ref.cut(look(seen)), levels[..., -1:]])


def with_old_alpha(levels: Levels, new: NDArray[Any]) -> NDArray[Any]:
    return np.dstack([new[..., :-1], levels[..., -1:]]) if ref.has_alpha(levels) else new


def framed(levels: Levels) -> NDArray[Any]:
    return np.pad(levels, ((2, 0), (5, 3), (0, 0)), constant_values=255)


CASES = (
    Case(
        {"op": "crop", "left": 7, "top": 3, "width": 30, "height": 40},
        lambda v: v[3:43, 7:37],
        EXACT,
    ),
    Case({"op": "flip"}, lambda v: v[::-1], EXACT),
    Case({"op": "flop"}, lambda v: v[:, ::-1], EXACT),
    Case({"op": "rotate", "angle": 90}, lambda v: np.rot90(v, -1), EXACT),
    Case({"op": "rotate", "angle": 180}, lambda v: np.rot90(v, 2), EXACT),
    Case({"op": "rotate", "angle": -90}, lambda v: np.rot90(v, 1), EXACT),
    Case({"op": "rotate", "angle": 360}, lambda v: v, EXACT),
    Case({"op": "pad", "top": 2, "left": 5, "right": 3, "background": "white"}, framed, EXACT),
    Case(
        {"op": "pad", "bottom": 9, "right": 120, "extend": "mirror"},
        lambda v: np.pad(v, ((0, 9), (0, 120), (0, 0)), mode="symmetric"),
        EXACT,
    ),
    Case(
        {"op": "pad", "width": 120, "height": 110, "gravity": "southeast", "extend": "edge"},
        lambda v: np.pad(v, ((110 - v.shape[0], 0), (120 - v.shape[1], 0), (0, 0)), mode="edge"),
        EXACT,
    ),
    Case({"op": "blur", "sigma": 0.8}, lambda v: ref.weighed(v, ref.bell(0.8)), BELL),
    Case({"op": "blur", "sigma": 4}, lambda v: ref.weighed(v, ref.bell(4)), BELL),
    Case({"op": "sharpen", "sigma": 1.2}, lambda v: ref.sharpened(v, 1.2, 1), BELL),
    Case({"op": "adjust", "brightness": 1.3}, lambda v: ref.css(v, brightness=1.3), ROUNDED),
    Case({"op": "adjust", "contrast": 1.6}, lambda v: ref.css(v, contrast=1.6), ROUNDED),
    Case({"op": "adjust", "saturation": 2.2}, lambda v: ref.css(v, saturation=2.2), ROUNDED),
    Case({"op": "adjust", "hue": 75}, lambda v: ref.css(v, hue=75), ROUNDED),
    Case({"op": "adjust", "gamma": 2.2}, lambda v: ref.css(v, gamma=2.2), ROUNDED),
    Case(
        {
            "op": "adjust",
            "brightness": 1.4,
            "contrast": 0.7,
            "saturation": 1.5,
            "hue": -40,
            "gamma": 0.6,
        },
        lambda v: ref.css(v, brightness=1.4, contrast=0.7, saturation=1.5, hue=-40, gamma=0.6),
        ROUNDED,
    ),
    Case({"op": "adjust"}, lambda v: v, EXACT),
    Case(filtered("grayscale"), in_one_band(grayscale), ROUNDED),
    Case(filtered("grayscale", intensity=0.3), mixed(0.3, grayscale), ROUNDED),
    Case(filtered("sepia"), sepia, ROUNDED),
    Case(filtered("invert"), lambda v: ref.on_colour(v, lambda c: 255 - c), EXACT),
    Case(filtered("posterize", levels=5), lambda v: posterized(v, 5), ROUNDED),
    Case(filtered("edge_detection"), in_one_band(lambda v: over_black(v, ref.steepness)), ROUNDED),
    Case(filtered("emboss"), lambda v: over_black(v, ref.relief), ROUNDED),
    Case(
        filtered("pixelate", size=10),
        lambda v: with_old_alpha(v, ref.weighed(v, lambda p: ref.blocks(p, 10))),
        ROUNDED,
    ),
    Case(filtered("median", intensity=0), lambda v: v, EXACT),
)


@pytest.mark.parametrize("name", STILL)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_operation_makes_the_pixels_of_its_reference(case: Case, name: str) -> None:
    before = plain(picture(name))

    after = made(picture(name), case.step).levels

    mean, most = mean_and_most(after, case.wanted(before))
    assert (mean <= case.tolerance[0], most <= case.tolerance[1]) == (True, True), (mean, most)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_operation_treats_every_frame_like_a_picture_of_its_own(case: Case) -> None:
    before = made(picture("animated.webp"), end=MOVING).frames

    after = made(picture("animated.webp"), case.step, end=MOVING).frames

    apart = [
        mean_and_most(_in_full(one), _in_full(wanted))
        for one, wanted in zip(after, map(case.wanted, before), strict=True)
    ]
    mean, most = np.max(apart, axis=0)
    assert (mean <= case.tolerance[0], most <= case.tolerance[1]) == (True, True), (mean, most)


@pytest.mark.parametrize("name", ["opaque.png", "grey.png", "cmyk_icc.jpg"])
@pytest.mark.parametrize("size", [3, 5, 15])
def test_a_median_is_that_of_pillow_on_opaque_pictures(name: str, size: int) -> None:
    before = plain(picture(name))

    after = made(picture(name), filtered("median", size=size)).levels

    assert mean_and_most(after, ref.median(before.astype(float), size)) == EXACT


@pytest.mark.parametrize("name", ["opaque.png", "alpha.png", "grey.png", "grey_alpha.png"])
@pytest.mark.parametrize("angle", [1, 33.3, -77, 135, 300])
@pytest.mark.parametrize("expand", [True, False])
def test_a_turned_picture_is_sampled_at_the_right_places(
    name: str, angle: float, *, expand: bool
) -> None:
    before = plain(picture(name))

    step = {"op": "rotate", "angle": angle, "expand": expand, "background": "transparent"}
    turned = made(picture(name), step)

    wanted = ref.turned(_with_alpha(before), angle, turned.size)
    apart = np.abs(visible(turned.levels) - visible(wanted))
    inner = apart[ref.inside(before.shape[:2], angle, turned.size)]
    assert (inner.mean() < ROUNDED[0], inner.max() < SAMPLED) == (True, True), inner.max()


def _with_alpha(levels: NDArray[Any]) -> NDArray[Any]:
    if ref.has_alpha(levels):
        return levels
    return np.dstack([levels, np.full(levels.shape[:2], 255, dtype=np.uint8)])


def _in_full(levels: NDArray[Any]) -> NDArray[Any]:
    """Give three bands of colour and one of alpha, as animations are written and read."""
    full = _with_alpha(levels)
    return full if full.shape[-1] == 4 else full[..., [0, 0, 0, 1]]
