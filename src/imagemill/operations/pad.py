"""Put room round a picture."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from imagemill import bands, colour
from imagemill.geometry import Box, Compass, Size, placed
from imagemill.operations import Example, Frame, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyvips

    from imagemill.engine.picture import Picture

MAX_SIDE_PX = 10_000


class Extend(StrEnum):
    """Say what is seen in the room that was added."""

    BACKGROUND = "background"
    """One colour."""
    EDGE = "edge"
    """The outermost pixels, drawn out."""
    MIRROR = "mirror"
    """The picture itself, mirrored at its edges."""


class Pad(Step):
    """Add room round the picture: so many pixels at each side, or up to a size.

    The picture's own pixels keep their values. Up to a size, `gravity` says where the picture
    lies in it; a side that is as long already stays as it is, for this step never cuts.

    A background that lets something through gives the picture a band of alpha; a colour in a grey
    picture makes it a colour picture.
    """

    op: Literal["pad"] = "pad"
    top: int = Field(0, ge=0, le=MAX_SIDE_PX, description="Pixels added above, 0 to 10000.")
    right: int = Field(0, ge=0, le=MAX_SIDE_PX, description="Pixels added right, 0 to 10000.")
    bottom: int = Field(0, ge=0, le=MAX_SIDE_PX, description="Pixels added below, 0 to 10000.")
    left: int = Field(0, ge=0, le=MAX_SIDE_PX, description="Pixels added left, 0 to 10000.")
    width: int | None = Field(
        None,
        ge=1,
        le=MAX_SIDE_PX,
        description="Pixels across that the picture is filled up to, 1 to 10000; instead of sides.",
    )
    height: int | None = Field(
        None,
        ge=1,
        le=MAX_SIDE_PX,
        description="Pixels down that the picture is filled up to, 1 to 10000; instead of sides.",
    )
    gravity: Compass = Field(
        Compass.CENTER, description="Where the picture lies in `width` and `height`."
    )
    background: colour.ColourText = Field(
        colour.TRANSPARENT,
        description="Colour of the room, as CSS writes it; where the file that follows has no"
        " transparency, see `background` of `convert`.",
    )
    extend: Extend = Field(
        Extend.BACKGROUND,
        description="What is seen in the room: `background` (one colour), `edge` (the outermost"
        " pixels, drawn out) or `mirror` (the picture, mirrored).",
    )

    examples: ClassVar[Sequence[Example]] = (
        Example(
            "a white frame", {"top": 4, "right": 4, "bottom": 12, "left": 4, "background": "white"}
        ),
        Example("up to a square, transparent", {"width": 80, "height": 80}),
        Example("room on the right that repeats the edge", {"right": 16, "extend": "edge"}),
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        sides = self.top or self.right or self.bottom or self.left
        size = self.width or self.height
        if sides and size:
            raise ValueError(
                "give either sides (top, right, bottom, left) or a size (width, height)"
            )
        if not sides and not size:
            raise ValueError("give top, right, bottom or left, or width or height")
        return self

    @property
    def streams(self) -> bool:
        """Put the rows on a plane, unless it draws out what they show."""
        return self._is_coloured()

    def frame(self, before: Frame) -> Frame:
        """Predict the size, and whether the room brings transparency."""
        box, after = self._layout(Size(before.width, before.height))
        brings_alpha = self._is_coloured() and not self._ink().solid
        has_room = (box.width, box.height) != (after.width, after.height)
        has_alpha = before.has_alpha or (brings_alpha and has_room)
        return Frame(after.width, after.height, before.format, has_alpha, before.frames)

    def apply(self, picture: Picture) -> Picture:
        """Put the same room round every frame."""
        box, after = self._layout(Size(picture.width, picture.height))
        if (box.width, box.height) == (after.width, after.height):
            return picture
        return picture.mapped(lambda frame: self._padded(frame, box, after))

    def _padded(self, frame: pyvips.Image, box: Box, after: Size) -> pyvips.Image:
        if not self._is_coloured():
            extend = "copy" if self.extend is Extend.EDGE else "mirror"
            return frame.embed(box.left, box.top, after.width, after.height, extend=extend)
        ready = bands.accepting(frame, self._ink())
        ink = bands.levels(ready, self._ink())
        return ready.embed(
            box.left, box.top, after.width, after.height, extend="background", background=ink
        )

    def _layout(self, size: Size) -> tuple[Box, Size]:
        """Tell where the picture comes to lie, and on what size."""
        if self.width is None and self.height is None:
            after = Size(size.width + self.left + self.right, size.height + self.top + self.bottom)
            return Box(self.left, self.top, size.width, size.height), after
        after = Size(max(size.width, self.width or 0), max(size.height, self.height or 0))
        return placed(size, after, self.gravity), after

    def _is_coloured(self) -> bool:
        return self.extend is Extend.BACKGROUND

    def _ink(self) -> colour.Colour:
        return colour.parse(self.background)
