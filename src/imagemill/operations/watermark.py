"""Lay a mark over a picture: another picture, or a text."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from imagemill import bands, geometry
from imagemill.colour import TRANSPARENT, WHITE, ColourText, parse
from imagemill.errors import OutputImpossible
from imagemill.geometry import Compass, Size, rounded
from imagemill.operations import Example, Step
from imagemill.turning import turned

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyvips

    from imagemill.engine.picture import Picture

LEAST_FONT_SIZE_PX, MOST_FONT_SIZE_PX = 4, 1000


class Watermark(Step):
    """Lay a mark over the picture: another image of yours (`image_id`, or `url`), or a `text`.

    The mark is scaled, turned clockwise, made fainter by `opacity` and laid on with the `over` rule
    of Porter and Duff (https://www.w3.org/TR/compositing-1/), on levels as they are coded in sRGB.
    A mark that is larger than the picture less its margins is made smaller until it fits.

    The place comes from `gravity`, then `margin` pixels towards the middle, then `x` and `y`. What
    hangs over the edge is cut off. With `tiled`, copies of the mark, `margin` pixels apart, cover
    the whole picture, beginning at (`x`, `y`).

    Size and transparency of the picture stay; a grey picture becomes a colour picture. Every frame
    of an animation gets the same mark; of an animated mark the first frame is used. A text is
    drawn as it stands, without markup; line feeds part its lines. Characters that the font does not
    have are drawn as empty boxes.
    """

    op: Literal["watermark"] = "watermark"
    image_id: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Id of the image that is the mark; either this or `text` or `url`.",
    )
    url: str | None = Field(
        None,
        min_length=1,
        max_length=2048,
        description="Where the image that is the mark is fetched from, `http` or `https`.",
    )
    text: str | None = Field(
        None,
        min_length=1,
        max_length=500,
        pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]+$",
        description="Text that is the mark, 1 to 500 characters.",
    )
    font: str = Field(
        "default",
        max_length=100,
        description="Family of the text's font, with its style where it is not the plain one, such"
        " as `DejaVu Sans Bold`; `default` is always there.",
    )
    font_size: int = Field(
        32,
        ge=LEAST_FONT_SIZE_PX,
        le=MOST_FONT_SIZE_PX,
        description="Height of the text's em square in pixels, 4 to 1000.",
    )
    colour: ColourText = Field(WHITE, description="Colour of the text, as CSS writes it.")
    gravity: Compass = Field(Compass.SOUTHEAST, description="Where on the picture the mark lies.")
    x: int = Field(
        0, ge=-10_000, le=10_000, description="Pixels to move the mark right, -10000 to 10000."
    )
    y: int = Field(
        0, ge=-10_000, le=10_000, description="Pixels to move the mark down, -10000 to 10000."
    )
    margin: int = Field(
        10,
        ge=0,
        le=10_000,
        description="Pixels left free between the mark and the edge, or between tiles, 0 to 10000.",
    )
    scale: float | None = Field(
        None,
        ge=0.01,
        le=1,
        description="Width of the mark as a share of the picture's, 0.01 to 1, before it is"
        " turned; empty leaves the mark at its own size.",
    )
    angle: float = Field(0, ge=-360, le=360, description="Degrees clockwise, -360 to 360.")
    opacity: float = Field(
        1, ge=0, le=1, description="0 is invisible, 1 as solid as the mark itself."
    )
    tiled: bool = Field(default=False, description="Whether copies cover the whole picture.")

    examples: ClassVar[Sequence[Example]] = (
        Example("a line in the corner", {"text": "Imagemill", "font_size": 12}),
        Example(
            "a faint word across the middle",
            {"text": "PROOF", "gravity": "center", "angle": -30, "scale": 0.8, "opacity": 0.4},
        ),
        Example(
            "tiles all over",
            {"text": "sample", "font_size": 10, "tiled": True, "colour": "#00000060"},
        ),
    )

    @model_validator(mode="after")
    def _one_mark(self) -> Self:
        if sum(each is not None for each in (self.image_id, self.text, self.url)) != 1:
            raise ValueError("give either image_id or text or url")
        return self

    @property
    def images(self) -> tuple[str, ...]:
        """Name the image that is the mark, if it is one."""
        return () if self.image_id is None else (self.image_id,)

    @property
    def origin(self) -> str | None:
        """Tell where the mark is fetched from, if it is."""
        return self.url

    def on_image(self, image_id: str) -> Self:
        """Give the same step with its mark by this id."""
        return self.model_copy(update={"image_id": image_id, "url": None})

    def apply(self, picture: Picture) -> Picture:
        """Lay the same mark over every frame."""
        size = Size(picture.width, picture.height)
        mark = self._fainter(self._turned(self._mark(picture, size), picture, size))
        layer, left, top = self._tiled(mark, size) if self.tiled else self._placed(mark, size)
        return picture.mapped(lambda frame: _over(frame, layer, left, top))

    def _mark(self, picture: Picture, size: Size) -> pyvips.Image:
        """Give the mark upright, in sRGB with alpha, at least as large as it will be."""
        if self.text is not None:
            return self._drawn(picture, size)
        found = picture.pictures.get(self.image_id or "")
        if found is None:
            raise OutputImpossible("The image that the watermark names was not handed to this job.")
        return bands.with_alpha(bands.in_colour(found))

    def _drawn(self, picture: Picture, size: Size) -> pyvips.Image:
        """Draw the text; where a scale is wanted, at the font size that comes nearest to it."""
        ink = parse(self.colour)
        mark = picture.text(self.text or "", font=self.font, size_px=self.font_size, colour=ink)
        if self.scale is None:
            return mark
        nearest = math.ceil(self.font_size * self.scale * size.width / mark.width)
        size_px = max(LEAST_FONT_SIZE_PX, min(nearest, MOST_FONT_SIZE_PX))
        return picture.text(self.text or "", font=self.font, size_px=size_px, colour=ink)

    def _turned(self, mark: pyvips.Image, picture: Picture, size: Size) -> pyvips.Image:
        """Scale and turn the mark."""
        wanted = self._wanted(Size(mark.width, mark.height), size)
        if wanted != Size(mark.width, mark.height):
            alone = replace(picture, frames=(mark,))
            (mark,) = alone.resized(wanted.width, wanted.height).frames
        plane = geometry.turned(wanted, self.angle)
        clear = parse(TRANSPARENT)
        return turned(mark, self.angle, plane, clear, picture.bicubic).copy_memory()

    def _wanted(self, mark: Size, size: Size) -> Size:
        """Tell the size of the upright mark with which the turned one fits between the margins."""
        factor = 1.0 if self.scale is None else self.scale * size.width / mark.width
        plane = geometry.turned(mark, self.angle)
        edges = 0 if self.tiled else 2 * self.margin
        room = Size(max(1, size.width - edges), max(1, size.height - edges))
        factor = min(factor, room.width / plane.width, room.height / plane.height)
        return Size(max(1, rounded(mark.width * factor)), max(1, rounded(mark.height * factor)))

    def _fainter(self, mark: pyvips.Image) -> pyvips.Image:
        return mark if self.opacity == 1 else mark * [1, 1, 1, self.opacity]

    def _placed(self, mark: pyvips.Image, size: Size) -> tuple[pyvips.Image, int, int]:
        """Give the mark, and its place on the picture."""
        across, down = self.gravity.fractions
        box = geometry.placed(Size(mark.width, mark.height), size, self.gravity)
        left = box.left + round(self.margin * (1 - 2 * across)) + self.x
        top = box.top + round(self.margin * (1 - 2 * down)) + self.y
        return mark, left, top

    def _tiled(self, mark: pyvips.Image, size: Size) -> tuple[pyvips.Image, int, int]:
        """Give a layer of copies as large as the picture."""
        width, height = mark.width + self.margin, mark.height + self.margin
        left, top = -self.x % width, -self.y % height
        tile = mark.embed(0, 0, width, height)
        layer = tile.replicate(-(-size.width // width) + 1, -(-size.height // height) + 1)
        return layer.crop(left, top, size.width, size.height), 0, 0


def _over(frame: pyvips.Image, layer: pyvips.Image, left: int, top: int) -> pyvips.Image:
    """Lay a layer over a frame, which keeps its transparency or lack of it."""
    below = bands.in_colour(frame)
    joined = below.composite2(layer.colourspace(below.interpretation), "over", x=left, y=top)
    kept = joined if below.hasalpha() else bands.colour(joined)
    return bands.as_levels(kept, like=below)
