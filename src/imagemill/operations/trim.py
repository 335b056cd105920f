"""Cut away a border that shows nothing."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from imagemill import bands, colour
from imagemill.geometry import Box
from imagemill.operations import Example, Frame, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyvips

    from imagemill.engine.picture import Picture


class Trim(Step):
    """Cut away every outer row and column that shows nothing but one colour.

    A pixel belongs to the border when none of its levels differs from the border's colour by more
    than `tolerance`. Colours are compared with their alpha multiplied in, so that all pixels that
    are wholly transparent are alike. The border's colour is that of the top left pixel of the
    first frame, unless `background` names one.

    A picture that is of that colour all over stays as it is, for there is no picture without
    pixels. The frames of an animation are cut alike: what one of them needs, all keep. What is left
    keeps its values. The size is known only from the pixels.
    """

    op: Literal["trim"] = "trim"
    tolerance: float = Field(
        10,
        ge=0,
        le=255,
        description="How far a level (0 to 255) may be from the border's colour and still count as"
        " border; 0 takes only the very colour, 10 bears the noise of JPEG.",
    )
    background: colour.ColourText | None = Field(
        None,
        description="Colour of the border, as CSS writes it; empty means the top left pixel's.",
    )

    examples: ClassVar[Sequence[Example]] = (
        Example("the border of the top left pixel's colour", {}),
        Example("a white border, taken strictly", {"background": "white", "tolerance": 0}),
    )

    def frame(self, before: Frame) -> Frame | None:
        """Predict nothing: the pixels decide."""
        return None

    def apply(self, picture: Picture) -> Picture:
        """Cut every frame to the box that holds what any of them shows."""
        border = self._border(picture.frames[0])
        box = reduce(Box.joined, (self._shown(frame, border) for frame in picture.frames))
        if not box.width or not box.height:
            return picture
        return picture.mapped(
            lambda frame: frame.extract_area(box.left, box.top, box.width, box.height)
        )

    def _border(self, frame: pyvips.Image) -> list[float]:
        if self.background is None:
            return [float(level) for level in _comparable(frame)(0, 0)]
        return bands.premultiplied_levels(_comparable(frame), colour.parse(self.background))

    def _shown(self, frame: pyvips.Image, border: list[float]) -> Box:
        distance = (_comparable(frame) - border).abs()
        farthest = distance[0].bandrank(distance.bandsplit()[1:], index=distance.bands - 1)
        shown = farthest > self.tolerance * bands.white(frame) / 255
        return Box(*shown.find_trim(background=[0], threshold=1, line_art=True))


def _comparable(frame: pyvips.Image) -> pyvips.Image:
    whole = bands.with_alpha(bands.in_colour(frame))
    return whole.premultiply(max_alpha=bands.white(frame))
