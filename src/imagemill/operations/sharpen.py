"""Sharpen a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from imagemill import bands
from imagemill.operations import Example, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyvips

    from imagemill.engine.picture import Picture

LEAST_WEIGHT = 0.02
"""The bell is cut where it falls below a fiftieth of its height, 2.8 sigmas from its middle."""


class Sharpen(Step):
    """Sharpen the picture with an unsharp mask: what a blur would take away is added once more.

    `new = old + amount · (Y - blur(Y))`, where `Y` is the brightness of the colour as it is coded
    (`0.2126 R + 0.7152 G + 0.0722 B`). All three bands move alike, so that edges get no coloured
    seams. Differences of at most `threshold` levels are left alone: noise is not sharpened.

    Where the picture is transparent the blur weighs its pixels by their alpha; alpha itself stays
    as it is. Beyond the edges the outermost pixels go on. The size stays as it is.
    """

    op: Literal["sharpen"] = "sharpen"
    sigma: float = Field(
        1,
        ge=0.3,
        le=20,
        description="Standard deviation of the blur in pixels, 0.3 to 20: the size of the details"
        " that are raised.",
    )
    amount: float = Field(
        1, ge=0, le=10, description="How much of the difference is added, 0 (nothing) to 10."
    )
    threshold: float = Field(
        0,
        ge=0,
        le=255,
        description="Differences in brightness up to this many levels (0 to 255) stay as they are.",
    )

    examples: ClassVar[Sequence[Example]] = (
        Example("crisp after a resize", {"sigma": 0.7, "amount": 0.8}),
        Example("strong, with the noise left alone", {"sigma": 2, "amount": 3, "threshold": 4}),
    )

    def apply(self, picture: Picture) -> Picture:
        """Sharpen every frame by itself."""
        return picture.mapped(self._sharpened)

    def _sharpened(self, frame: pyvips.Image) -> pyvips.Image:
        difference = _detail(frame, self.sigma)
        if self.threshold:
            least = self.threshold * bands.white(frame) / 255
            difference = (difference.abs() > least).ifthenelse(difference, 0)
        return bands.on_colour(frame, lambda planes: planes + difference * self.amount)


def _detail(frame: pyvips.Image, sigma: float) -> pyvips.Image:
    """Give brightness less its own blur; transparent pixels do not count in the blur."""
    brightness, weight = bands.luma(frame), bands.alpha(frame)
    if weight is None:
        return brightness - _blurred(brightness, sigma)
    weights = _blurred(weight.cast("float"), sigma)
    mean = _blurred(brightness * weight, sigma) / weights
    return (weights > 0).ifthenelse(brightness - mean, 0)


def _blurred(plane: pyvips.Image, sigma: float) -> pyvips.Image:
    return plane.gaussblur(sigma, min_ampl=LEAST_WEIGHT)
