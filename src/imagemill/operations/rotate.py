"""Turn a picture by any angle."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from imagemill import colour, geometry
from imagemill.geometry import Size
from imagemill.operations import Example, Frame, Step
from imagemill.turning import turned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imagemill.engine.picture import Picture


class Rotate(Step):
    """Turn the picture clockwise about its middle.

    Quarter turns only move pixels: no value changes. Every other angle is sampled anew with a
    bicubic kernel (in sRGB as it is coded, alpha multiplied in first, so that no hidden colour
    bleeds), and the corners that come free show `background`.

    By default the picture grows until all of it is seen; its new size is `w·|cos| + h·|sin|`
    by `w·|sin| + h·|cos|`, rounded. With `expand` off the size stays, and the corners are cut.
    """

    op: Literal["rotate"] = "rotate"
    angle: float = Field(
        ge=-3600,
        le=3600,
        description="Degrees clockwise, -3600 to 3600; negative turns counter-clockwise.",
    )
    background: colour.ColourText = Field(
        colour.TRANSPARENT,
        description="Colour of the corners that come free, as CSS writes it; where the file that"
        " follows has no transparency, see `background` of `convert`.",
    )
    expand: bool = Field(
        default=True, description="Whether the picture grows to show its turned corners."
    )

    examples: ClassVar[Sequence[Example]] = (
        Example("a quarter turn", {"angle": 90}),
        Example("straightened by a little, on white", {"angle": -2.5, "background": "#fff"}),
        Example("tilted, with the size kept", {"angle": 30, "expand": False}),
    )

    def frame(self, before: Frame) -> Frame:
        """Predict the size, and whether the corners bring transparency."""
        after = self._size(Size(before.width, before.height))
        has_alpha = before.has_alpha or (self._leaves_corners() and not self._ink().solid)
        return Frame(after.width, after.height, before.format, has_alpha, before.frames)

    def apply(self, picture: Picture) -> Picture:
        """Turn every frame."""
        after = self._size(Size(picture.width, picture.height))
        return picture.mapped(
            lambda frame: turned(frame, self.angle, after, self._ink(), picture.bicubic)
        )

    def _size(self, before: Size) -> Size:
        return geometry.turned(before, self.angle) if self.expand else before

    def _leaves_corners(self) -> bool:
        quarters = geometry.quarter_turns(self.angle)
        return quarters is None or (quarters % 2 == 1 and not self.expand)

    def _ink(self) -> colour.Colour:
        return colour.parse(self.background)
