"""Cut a part out of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import AliasChoices, Field, model_validator

from imagemill.errors import OutputImpossible
from imagemill.geometry import Box, Focus, Gravity, Size, of_ratio, placed
from imagemill.operations import Example, Frame, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyvips

    from imagemill.engine.picture import Picture

MAX_SIDE_PX = 10_000


class Crop(Step):
    """Cut a rectangle out of the picture; its pixels keep their values, alpha included.

    There are three ways to say which rectangle:

    - a **box**: `left`, `top` (or `x`, `y`), `width` and `height`;
    - a **size** alone: `width`, `height` or both. A side that is not given stays as it is, and
      `gravity` or the focal point says which part is kept;
    - a **ratio**, such as `16:9`: the largest rectangle of that shape, placed like a size.

    Nothing is enlarged and nothing is filled up: a rectangle that is not wholly on the picture is
    refused (`output_impossible`) with the picture's size. `attention` and `entropy` look at the
    pixels (libvips `smartcrop`); in an animation they look at the first frame, and all frames are
    cut alike, so that nothing jumps.
    """

    op: Literal["crop"] = "crop"
    left: int | None = Field(  # type: ignore[pydantic-alias]  # it has a default
        None,
        validation_alias=AliasChoices("left", "x"),
        ge=0,
        lt=MAX_SIDE_PX,
        description="Pixels from the picture's left edge to the box, 0 to 9999; also `x`.",
    )
    top: int | None = Field(  # type: ignore[pydantic-alias]  # it has a default
        None,
        validation_alias=AliasChoices("top", "y"),
        ge=0,
        lt=MAX_SIDE_PX,
        description="Pixels from the picture's top edge to the box, 0 to 9999; also `y`.",
    )
    width: int | None = Field(
        None, ge=1, le=MAX_SIDE_PX, description="Pixels across of what is kept, 1 to 10000."
    )
    height: int | None = Field(
        None, ge=1, le=MAX_SIDE_PX, description="Pixels down of what is kept, 1 to 10000."
    )
    ratio: str | None = Field(
        None,
        pattern=r"^[1-9][0-9]{0,4}(\.[0-9]{1,3})?:[1-9][0-9]{0,4}(\.[0-9]{1,3})?$",
        description="Shape of what is kept, as width:height, such as `16:9` or `1.91:1`.",
    )
    gravity: Gravity = Field(
        Gravity.CENTER,
        description="Which part is kept when no box is given: a point of the compass,"
        " `attention` (what draws the eye) or `entropy` (where most detail is).",
    )
    focus_x: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Focal point across, 0 (left) to 1 (right); with `focus_y`, it stands in the"
        " middle of what is kept as far as the picture allows, and goes before `gravity`.",
    )
    focus_y: float | None = Field(
        None, ge=0, le=1, description="Focal point down, 0 (top) to 1 (bottom)."
    )

    examples: ClassVar[Sequence[Example]] = (
        Example("a box, in pixels", {"left": 4, "top": 3, "width": 20, "height": 12}),
        Example("the same with x and y", {"x": 4, "y": 3, "width": 20, "height": 12}),
        Example("the lower half of the height", {"height": 16, "gravity": "south"}),
        Example("a square round what draws the eye", {"ratio": "1:1", "gravity": "attention"}),
        Example("a wide strip round a point", {"ratio": "3:1", "focus_x": 0.2, "focus_y": 0.7}),
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        for wrong, sentence in (
            (self._mixes_ratio(), "ratio stands alone: leave out left, top, width and height"),
            ((self.left is None) != (self.top is None), "left and top go together"),
            (self._has_open_box(), "left and top need width and height"),
            (self._is_empty(), "give width, height or ratio"),
            ((self.focus_x is None) != (self.focus_y is None), "focus_x and focus_y go together"),
        ):
            if wrong:
                raise ValueError(sentence)
        return self

    @property
    def streams(self) -> bool:
        """Cut as the rows come by, unless it looks where to."""
        return self._is_placed()

    def frame(self, before: Frame) -> Frame:
        """Predict the size; raises `OutputImpossible` when the box leaves the picture."""
        kept = self._size(Size(before.width, before.height))
        return Frame(kept.width, kept.height, before.format, before.has_alpha, before.frames)

    def apply(self, picture: Picture) -> Picture:
        """Cut the same box out of every frame."""
        size = Size(picture.width, picture.height)
        box = self._box(picture.frames[0], size, self._size(size))
        return picture.mapped(
            lambda frame: frame.extract_area(box.left, box.top, box.width, box.height)
        )

    def _size(self, size: Size) -> Size:
        kept = self._wanted(size)
        if not Box(self.left or 0, self.top or 0, kept.width, kept.height).within(size):
            place = "" if self.left is None else f" at ({self.left}, {self.top})"
            message = f"A crop of {kept}{place} is not wholly on the picture, which is {size}."
            raise OutputImpossible(
                message, limit={"width_px": size.width, "height_px": size.height}
            )
        return kept

    def _wanted(self, size: Size) -> Size:
        if self.ratio:
            across, down = self.ratio.split(":")
            return of_ratio(size, float(across), float(down))
        return Size(self.width or size.width, self.height or size.height)

    def _box(self, frame: pyvips.Image, size: Size, kept: Size) -> Box:
        if self.left is not None and self.top is not None:
            return Box(self.left, self.top, kept.width, kept.height)
        if self.focus_x is not None and self.focus_y is not None:
            return placed(kept, size, Focus(self.focus_x, self.focus_y))
        if compass := self.gravity.compass:
            return placed(kept, size, compass)
        return _seen(frame, kept, self.gravity)

    def _is_placed(self) -> bool:
        """Tell whether the box is known without looking at the pixels."""
        given = self.left is not None or self.focus_x is not None
        return given or self.gravity.compass is not None

    def _mixes_ratio(self) -> bool:
        others = (self.left, self.top, self.width, self.height)
        return self.ratio is not None and any(other is not None for other in others)

    def _has_open_box(self) -> bool:
        return self.left is not None and (self.width is None or self.height is None)

    def _is_empty(self) -> bool:
        return self.width is None and self.height is None and self.ratio is None


def _seen(frame: pyvips.Image, kept: Size, gravity: Gravity) -> Box:
    """Find the box where libvips finds most; an extracted area tells its place as an offset."""
    found = frame.smartcrop(kept.width, kept.height, interesting=gravity.value)
    return Box(-found.xoffset, -found.yoffset, kept.width, kept.height)
