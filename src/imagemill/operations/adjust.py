"""Change brightness, contrast, saturation, hue and gamma of a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from imagemill import bands
from imagemill.operations import Example, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyvips

    from imagemill.engine.picture import Picture

Matrix = list[list[float]]


class Adjust(Step):
    """Change brightness, contrast, saturation, hue and gamma, in this order.

    The first four are the filter functions of CSS, computed on the levels as they are coded in
    sRGB, 0 to 1 (https://www.w3.org/TR/filter-effects-1/):

    - brightness: `v · brightness`
    - contrast: `(v - 0.5) · contrast + 0.5`
    - saturation and hue: the matrices of `saturate()` and `hue-rotate()`
    - gamma: `v ^ (1 / gamma)`

    Levels are cut to 0 to 1 before gamma and at the end, not in between, so that what one step
    pushes out of range the next can bring back. Alpha stays as it is; a grey picture stays grey and
    has no saturation or hue to change. Without any parameter nothing changes.
    """

    op: Literal["adjust"] = "adjust"
    brightness: float = Field(
        1, ge=0, le=10, description="Factor on every level, 0 (black) to 10; 1 changes nothing."
    )
    contrast: float = Field(
        1,
        ge=0,
        le=10,
        description="Factor on the distance from middle grey, 0 (all grey) to 10; 1 changes"
        " nothing.",
    )
    saturation: float = Field(
        1,
        ge=0,
        le=10,
        description="Factor on the distance from grey, 0 (no colour) to 10; 1 changes nothing.",
    )
    hue: float = Field(
        0, ge=-360, le=360, description="Degrees to turn the colour circle by, -360 to 360."
    )
    gamma: float = Field(
        1,
        ge=0.1,
        le=10,
        description="Above 1 brightens the middle, below 1 darkens it, 0.1 to 10; black and white"
        " stay.",
    )

    examples: ClassVar[Sequence[Example]] = (
        Example("brighter and livelier", {"brightness": 1.15, "saturation": 1.4}),
        Example("dark places opened up", {"gamma": 1.8, "contrast": 1.1}),
        Example("red turned to green", {"hue": 120}),
    )

    @property
    def streams(self) -> bool:
        """Look at each pixel by itself."""
        return True

    def apply(self, picture: Picture) -> Picture:
        """Change the colour of every frame."""
        return picture.mapped(lambda frame: bands.on_colour(frame, self._changed))

    def _changed(self, planes: pyvips.Image) -> pyvips.Image:
        white = bands.white(planes)
        if planes.bands != len(bands.LUMA) or (self.saturation == 1 and not self.hue):
            return planes.maplut(self._table(planes, white))
        mixing = _product(_hue(self.hue), _saturation(self.saturation))
        levels = self._stretched(planes, white).recomb(mixing)
        return levels if self.gamma == 1 else _bent(levels, self.gamma, white)

    def _table(self, planes: pyvips.Image, white: float) -> pyvips.Image:
        """Work out once for each level what becomes of it; bands that do not mix need no more."""
        every = type(planes).identity(ushort=planes.format == "ushort")
        levels = self._stretched(every, white)
        return bands.as_levels(_power(levels, 1 / self.gamma, white), like=planes)

    def _stretched(self, levels: pyvips.Image, white: float) -> pyvips.Image:
        factor = self.brightness * self.contrast
        return levels.linear(factor, (0.5 - 0.5 * self.contrast) * white)


def _power(levels: pyvips.Image, exponent: float, white: float) -> pyvips.Image:
    within = (levels < 0).ifthenelse(0, levels / white)
    return within.math2_const("pow", exponent) * white


def _bent(levels: pyvips.Image, gamma: float, white: float) -> pyvips.Image:
    """Apply gamma to levels between the whole ones, which lie in a table by their square root.

    Roots keep the table fine where the curve is steep: no result is off by more than 0.05 levels.
    It halves the time of a power for each pixel (measured 2026-11, 10 Mpx: 0.33 instead of 0.75 s).
    """
    places = _power(bands.within(levels, white), 0.5, white) * (_TABLE_TOP / white)
    every = type(levels).identity(ushort=True)
    table = _power(every * (white / _TABLE_TOP), 2 / gamma, white).copy_memory()
    return (places + 0.5).cast("ushort").maplut(table)


_TABLE_TOP = 65535.0


def _saturation(amount: float) -> Matrix:
    return _sum((1, _GREY), (amount, _ACROSS))


def _hue(degrees: float) -> Matrix:
    angle = math.radians(degrees)
    return _sum((1, _GREY), (math.cos(angle), _ACROSS), (math.sin(angle), _ALONG))


def _sum(*parts: tuple[float, Matrix]) -> Matrix:
    return [
        [sum(factor * matrix[row][column] for factor, matrix in parts) for column in range(3)]
        for row in range(3)
    ]


def _product(left: Matrix, right: Matrix) -> Matrix:
    return [
        [sum(left[row][each] * right[each][column] for each in range(3)) for column in range(3)]
        for row in range(3)
    ]


# What CSS's matrices are made of: the grey of a colour, its distance from that grey, and the same
# distance a quarter of the colour circle on. saturate() stretches the second; hue-rotate() mixes
# the second and third.
_GREY: Matrix = [[0.213, 0.715, 0.072]] * 3
_ACROSS: Matrix = [
    [0.787, -0.715, -0.072],
    [-0.213, 0.285, -0.072],
    [-0.213, -0.715, 0.928],
]
_ALONG: Matrix = [
    [-0.213, -0.715, 0.928],
    [0.143, 0.140, -0.283],
    [-0.787, 0.715, 0.072],
]
