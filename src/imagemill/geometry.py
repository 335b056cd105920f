"""Sizes and places on a plane of pixels, as pure functions: what a step will make, without pixels.

Pairs are (width, height) and (left, top), in pixels; the origin is the top left corner.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Size:
    """How many pixels across and down."""

    width: int
    height: int

    def __str__(self) -> str:
        """Write it for people, as `400 x 300`."""
        return f"{self.width} x {self.height}"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels on a picture."""

    left: int
    top: int
    width: int
    height: int

    def within(self, size: Size) -> bool:
        """Tell whether every pixel of it lies on a picture of this size."""
        return (
            self.left >= 0
            and self.top >= 0
            and self.left + self.width <= size.width
            and self.top + self.height <= size.height
        )

    def joined(self, other: Box) -> Box:
        """Give the smallest box that holds both; an empty box adds nothing."""
        if not other.width or not other.height:
            return self
        if not self.width or not self.height:
            return other
        left, top = min(self.left, other.left), min(self.top, other.top)
        right = max(self.left + self.width, other.left + other.width)
        bottom = max(self.top + self.height, other.top + other.height)
        return Box(left, top, right - left, bottom - top)


class Compass(StrEnum):
    """Name a place on a picture by the point of the compass that it lies at."""

    CENTER = "center"
    NORTH = "north"
    NORTHEAST = "northeast"
    EAST = "east"
    SOUTHEAST = "southeast"
    SOUTH = "south"
    SOUTHWEST = "southwest"
    WEST = "west"
    NORTHWEST = "northwest"

    @property
    def fractions(self) -> tuple[float, float]:
        """Give the place as fractions (0, 0.5 or 1) of the free space (across, down)."""
        name = self.value
        across = 0.0 if "west" in name else 1.0 if "east" in name else 0.5
        down = 0.0 if "north" in name else 1.0 if "south" in name else 0.5
        return across, down


class Gravity(StrEnum):
    """Say what is kept when a part is cut out of a picture."""

    CENTER = "center"
    NORTH = "north"
    NORTHEAST = "northeast"
    EAST = "east"
    SOUTHEAST = "southeast"
    SOUTH = "south"
    SOUTHWEST = "southwest"
    WEST = "west"
    NORTHWEST = "northwest"
    ATTENTION = "attention"
    """The part that draws the eye: saturated colours, skin tones and sharp edges."""
    ENTROPY = "entropy"
    """The part that holds the most detail."""

    @property
    def compass(self) -> Compass | None:
        """Give the compass point; None where only the pixels can tell the place."""
        return Compass(self.value) if self.value in set(Compass) else None


@dataclass(frozen=True, slots=True)
class Focus:
    """A point on a picture that should stay in sight, as fractions of its size from 0 to 1."""

    across: float
    down: float


def placed(inner: Size, outer: Size, where: Compass | Focus) -> Box:
    """Place a box of the inner size on the outer.

    At a compass point, the free space is shared out; where it is odd, the pixel that is left over
    stays to the right or below. Round a focus, the box has the focus in its middle as far as it
    can without leaving the outer size. An inner size that is larger hangs over and begins at a
    negative place.
    """
    if isinstance(where, Focus):
        left = _centred(where.across, inner.width, outer.width)
        top = _centred(where.down, inner.height, outer.height)
        return Box(left, top, inner.width, inner.height)
    across, down = where.fractions
    left = math.floor((outer.width - inner.width) * across)
    top = math.floor((outer.height - inner.height) * down)
    return Box(left, top, inner.width, inner.height)


def of_ratio(outer: Size, across: float, down: float) -> Size:
    """Give the largest size of the ratio across : down that fits into the outer one."""
    ratio = across / down
    if outer.width > outer.height * ratio:
        return Size(max(1, min(outer.width, rounded(outer.height * ratio))), outer.height)
    return Size(outer.width, max(1, min(outer.height, rounded(outer.width / ratio))))


def turned(size: Size, degrees: float) -> Size:
    """Give the size of the upright rectangle that holds one turned by any number of degrees.

    Quarter turns are exact. Other bounds are rounded to whole pixels, so that at most half a pixel
    of a corner is lost.
    """
    quarters = quarter_turns(degrees)
    if quarters is not None:
        return Size(size.height, size.width) if quarters % 2 else size
    sine, cosine = abs(math.sin(math.radians(degrees))), abs(math.cos(math.radians(degrees)))
    width = rounded(size.width * cosine + size.height * sine)
    height = rounded(size.width * sine + size.height * cosine)
    return Size(max(1, width), max(1, height))


def quarter_turns(degrees: float) -> int | None:
    """Count the quarter turns clockwise (0 to 3); None when the angle is not a multiple of 90."""
    quarters, rest = divmod(degrees % 360, 90)
    return int(quarters) % 4 if rest == 0 else None


def rounded(value: float) -> int:
    """Round to the nearest whole number, halves upwards, the same for every size in the project.

    Python's own `round` takes halves to the even neighbour, which makes sizes jump unevenly.
    """
    return math.floor(value + 0.5)


def _centred(fraction: float, inner: int, outer: int) -> int:
    wanted = rounded(fraction * outer - inner / 2)
    return max(min(wanted, outer - inner), min(0, outer - inner))


class Fit(StrEnum):
    """Say how a picture is brought to a width and a height of another shape."""

    COVER = "cover"
    """Fill the box and cut off what hangs over."""
    CONTAIN = "contain"
    """Show all of the picture, with room round it to fill the box."""
    FILL = "fill"
    """Stretch to exactly the box."""
    INSIDE = "inside"
    """As large as fits into the box."""
    OUTSIDE = "outside"
    """As small as covers the box, with nothing cut off."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """How a picture comes into a box: scaled to one size, then cut or padded to another."""

    scaled: Size
    framed: Size


def fitted(size: Size, width: int | None, height: int | None, fit: Fit, *, enlarge: bool) -> Fitted:
    """Fit a size into a box of which one side may be open.

    With one side open the shape is kept, whatever `fit` is. Unless `enlarge`, no pixel is made
    larger: `cover` then takes the largest box of the asked shape that the picture can fill,
    `fill` leaves a side that is too short as it is, and the others stop at the picture's size.
    """
    if width is None or height is None:
        across = (width or size.width) / size.width if width else (height or 0) / size.height
        whole = _times(size, across if enlarge else min(1.0, across))
        exact = Size(width or whole.width, height or whole.height)
        kept = exact if enlarge or across <= 1 else whole
        return Fitted(kept, kept)
    box = Size(width, height)
    if fit is Fit.FILL:
        most = box if enlarge else Size(min(width, size.width), min(height, size.height))
        return Fitted(most, most)
    if fit is Fit.COVER and not enlarge:
        box = _fillable(size, box)
    factors = (box.width / size.width, box.height / size.height)
    factor = max(factors) if fit in {Fit.COVER, Fit.OUTSIDE} else min(factors)
    scaled = _times(size, factor if enlarge else min(1.0, factor))
    if fit is Fit.COVER:
        scaled = Size(max(scaled.width, box.width), max(scaled.height, box.height))
    return Fitted(scaled, box if fit in {Fit.COVER, Fit.CONTAIN} else scaled)


def _fillable(size: Size, box: Size) -> Size:
    """Give the largest box of this shape, and no larger, that the picture fills unenlarged."""
    factor = min(1.0, size.width / box.width, size.height / box.height)
    return _times(box, factor)


def _times(size: Size, factor: float) -> Size:
    return Size(max(1, rounded(size.width * factor)), max(1, rounded(size.height * factor)))
