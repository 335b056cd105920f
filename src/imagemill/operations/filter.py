"""Give a picture another look."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from imagemill import bands
from imagemill.operations import Example, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyvips

    from imagemill.engine.picture import Picture

Matrix = list[list[float]]


class FilterType(StrEnum):
    """Name the look."""

    GRAYSCALE = "grayscale"
    SEPIA = "sepia"
    INVERT = "invert"
    POSTERIZE = "posterize"
    EDGE_DETECTION = "edge_detection"
    EMBOSS = "emboss"
    MEDIAN = "median"
    PIXELATE = "pixelate"


class Filter(Step):
    """Give the picture another look; `intensity` mixes it with the picture as it was.

    Levels are taken as they are coded in sRGB; v is a level from 0 to 1.

    - `grayscale`: every band becomes `0.2126 R + 0.7152 G + 0.0722 B` (CSS `grayscale()`).
    - `sepia`: the brown of old prints, with the matrix of CSS `sepia()`; a grey picture becomes a
      colour picture.
    - `invert`: `1 - v`.
    - `posterize`: v goes to the nearest of `levels` levels that lie evenly from black to white.
    - `edge_detection`: the length of the Sobel gradient of brightness, white where it is steepest.
    - `emboss`: the difference to the upper left neighbour on middle grey: a relief.
    - `median`: the middle one of the `size` by `size` neighbours, band by band: takes away specks.
    - `pixelate`: the mean of blocks of `size` by `size` pixels, from the top left corner.

    Alpha stays as it is; filters that look at neighbours see colours with their alpha multiplied
    in, so that the hidden colour of transparent pixels does not leak out. Beyond the edges the
    outermost pixels go on. The size stays as it is. What `grayscale` and `edge_detection` leave at
    full intensity is one band, which JPEG, PNG and TIFF write as such; in the colours of a kept
    profile it stays as many bands as the profile is for.
    """

    op: Literal["filter"] = "filter"
    type: FilterType = Field(description="The look.")
    intensity: float = Field(
        1, ge=0, le=1, description="0 leaves the picture as it is, 1 is the filter alone."
    )
    levels: int | None = Field(
        None,
        ge=2,
        le=64,
        description="Levels that `posterize` leaves in each band, 2 to 64; 4 when not given.",
    )
    size: int | None = Field(
        None,
        ge=2,
        le=500,
        description="Pixels on the side of a block: `median` 3 to 15, odd (3 when not given);"
        " `pixelate` 2 to 500 (16 when not given).",
    )

    examples: ClassVar[Sequence[Example]] = (
        Example("black and white", {"type": "grayscale"}),
        Example("half way to an old print", {"type": "sepia", "intensity": 0.5}),
        Example("a negative", {"type": "invert"}),
        Example("a poster in few colours", {"type": "posterize", "levels": 3}),
        Example("edges", {"type": "edge_detection"}),
        Example("a relief", {"type": "emboss"}),
        Example("specks taken away", {"type": "median", "size": 5}),
        Example("blocks", {"type": "pixelate", "size": 8}),
    )

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.levels is not None and self.type is not FilterType.POSTERIZE:
            raise ValueError("levels goes with posterize only")
        if self.size is not None and self.type not in {FilterType.MEDIAN, FilterType.PIXELATE}:
            raise ValueError("size goes with median and pixelate only")
        if self.type is FilterType.MEDIAN and self.size not in {None, *MEDIAN_SIZES}:
            raise ValueError(f"size of median is one of {', '.join(map(str, MEDIAN_SIZES))}")
        return self

    @property
    def streams(self) -> bool:
        """Look at each pixel by itself; where neighbours count, hold them in memory."""
        return self.type in _POINTWISE

    def apply(self, picture: Picture) -> Picture:
        """Filter every frame by itself."""
        return picture.mapped(self._filtered)

    def _filtered(self, frame: pyvips.Image) -> pyvips.Image:
        seen = bands.in_colour(frame) if self.type is FilterType.SEPIA else frame
        look = bands.within(_LOOKS[self.type](seen, self), bands.white(seen))
        share = self.intensity
        return bands.on_colour(
            seen, lambda planes: look if share == 1 else planes * (1 - share) + look * share
        )


MEDIAN_SIZES = (3, 5, 7, 9, 11, 13, 15)

_POINTWISE = frozenset(
    {FilterType.GRAYSCALE, FilterType.SEPIA, FilterType.INVERT, FilterType.POSTERIZE}
)

# Each look answers the colour bands alone, as levels that may lie out of range.
_LOOKS: Mapping[FilterType, Callable[[pyvips.Image, Filter], pyvips.Image]] = {
    FilterType.GRAYSCALE: lambda frame, _: _grey(bands.luma(frame), frame),
    FilterType.SEPIA: lambda frame, _: bands.colour(frame).recomb(_SEPIA),
    FilterType.INVERT: lambda frame, _: bands.colour(frame).linear(-1, bands.white(frame)),
    FilterType.POSTERIZE: lambda frame, step: _posterized(frame, step.levels or 4),
    FilterType.EDGE_DETECTION: lambda frame, _: _grey(_steepness(frame), frame),
    FilterType.EMBOSS: lambda frame, _: _relief(frame),
    FilterType.MEDIAN: lambda frame, step: _median(frame, step.size or MEDIAN_SIZES[0]),
    FilterType.PIXELATE: lambda frame, step: _pixelated(frame, step.size or 16),
}

# CSS sepia(1), https://www.w3.org/TR/filter-effects-1/#sepiaEquivalent
_SEPIA: Matrix = [[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]]
_SOBEL_ACROSS: Matrix = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
_SOBEL_DOWN: Matrix = [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]
_TO_UPPER_LEFT: Matrix = [[-1, 0, 0], [0, 1, 0], [0, 0, 0]]


def _posterized(frame: pyvips.Image, levels: int) -> pyvips.Image:
    step = bands.white(frame) / (levels - 1)
    return (bands.colour(frame) / step + 0.5).floor() * step


def _steepness(frame: pyvips.Image) -> pyvips.Image:
    brightness = bands.luma(_over_black(frame))
    across, down = brightness.conv(_SOBEL_ACROSS), brightness.conv(_SOBEL_DOWN)
    return (across * across + down * down) ** 0.5


def _relief(frame: pyvips.Image) -> pyvips.Image:
    differences = bands.colour(_over_black(frame)).cast("float").conv(_TO_UPPER_LEFT)
    return differences + (bands.white(frame) + 1) / 2


def _median(frame: pyvips.Image, size: int) -> pyvips.Image:
    """Give the median; a picture smaller than its window is no picture for libvips."""
    reach = size // 2
    width, height = frame.width + 2 * reach, frame.height + 2 * reach
    return bands.colour(
        bands.on_premultiplied(
            frame,
            lambda planes: (
                planes.embed(reach, reach, width, height, extend="copy")
                .median(size)
                .crop(reach, reach, frame.width, frame.height)
            ),
        )
    )


def _pixelated(frame: pyvips.Image, size: int) -> pyvips.Image:
    across, down = -(-frame.width // size) * size, -(-frame.height // size) * size
    return bands.colour(
        bands.on_premultiplied(
            frame,
            lambda planes: (
                planes.embed(0, 0, across, down, extend="copy")
                .shrink(size, size)
                .zoom(size, size)
                .crop(0, 0, frame.width, frame.height)
            ),
        )
    )


def _grey(plane: pyvips.Image, frame: pyvips.Image) -> pyvips.Image:
    """Give one band of grey, or as many equal ones as the frame's own profile needs."""
    if not bands.in_profile(frame):
        return plane
    return plane.bandjoin([plane] * (bands.colour(frame).bands - 1))


def _over_black(frame: pyvips.Image) -> pyvips.Image:
    """Multiply alpha into the colour, so that what cannot be seen leaves no edge."""
    return frame.premultiply(max_alpha=bands.white(frame)) if frame.hasalpha() else frame
