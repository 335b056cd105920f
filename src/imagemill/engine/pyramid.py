"""Ever smaller copies of one decoded frame, from which every size is scaled.

Each level is half the size of the one before, made by averaging 2 x 2 pixels. A size is scaled,
with a Lanczos kernel, from the smallest level that is still at least twice as large: so the
costly kernel never sees many more pixels than it needs, and the quality is that of libvips'
thumbnails, which follow the same rule in one chain. Which levels lie in memory changes the cost,
and never a pixel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

import pyvips

from imagemill.geometry import Size

MARGIN = 2
"""How much larger than the size that is wanted a level has to be at least."""


def times_larger(stored: Size, wanted: Size) -> float:
    """Tell how many times larger one size is than another, along the side where it is least.

    A side that was rounded up to a whole pixel counts as it was before, so that a quarter of a
    picture is four times smaller also where its height is odd.
    """
    across, down = stored.width / wanted.width, stored.height / wanted.height
    loosest = (stored.width / (wanted.width - 0.5), stored.height / (wanted.height - 0.5))
    return min(max(across, down), *loosest)


def depth(stored: Size, wanted: Size) -> int:
    """Count how often a stored size may be halved and still have the margin.

    Only even sides are halved: half a pixel more or less at the edge would shift all the others.
    What is left to do is left to libvips, which averages whole blocks first and keeps the place.
    """
    most = int(times_larger(stored, wanted) / MARGIN).bit_length() - 1
    return max(0, min(most, _halvings(stored.width), _halvings(stored.height)))


def _halvings(side: int) -> int:
    return (side & -side).bit_length() - 1


def kept(stored: Size, wanted: Collection[Size], whole: int) -> frozenset[int]:
    """Tell which levels more than one thing is made of, so that they are kept in memory.

    `wanted` are the different sizes that will be asked for, `whole` counts who takes the picture
    as it is.
    """
    uses = Counter(depth(stored, size) for size in wanted)
    uses.update(range(max(uses, default=0)))
    uses[0] += whole
    return frozenset(level for level, users in uses.items() if users > 1)


class Pyramid:
    """The levels of one frame, made when they are first asked for."""

    def __init__(
        self,
        image: pyvips.Image,
        keep: Collection[int],
        hold: Callable[[pyvips.Image], pyvips.Image],
    ) -> None:
        """Begin with level 0; levels to `keep` are put into memory by `hold`."""
        self._keep = keep
        self._hold = hold
        self.image = hold(image) if 0 in keep else image
        """The frame as it was decoded, with straight alpha."""
        self._levels: list[pyvips.Image] = []

    def scaled(self, size: Size) -> pyvips.Image:
        """Scale to exactly this size; alpha is multiplied in while neighbours are mixed."""
        if size == Size(self.image.width, self.image.height):
            return self.image
        wanted = depth(Size(self.image.width, self.image.height), size)
        level = self._level(wanted)
        across, down = size.width / level.width, size.height / level.height
        shrunk = level.resize(min(across, 1), vscale=min(down, 1))
        made = enlarged(shrunk, size)
        return straight(made.invert() if wanted % 2 else made, like=self.image)

    def _level(self, wanted: int) -> pyvips.Image:
        """Give a level, multiplied by its alpha; every second one is a negative.

        libvips rounds halves up, down the columns and again along the rows, so that each level
        would be half a step lighter than the one before. Turned into a negative between the two,
        one rounding undoes the other.
        """
        if not self._levels:
            self._levels.append(premultiplied(self.image))
        while len(self._levels) <= wanted:
            half = self._levels[-1].shrinkv(2).invert().shrinkh(2)
            self._levels.append(self._hold(half) if len(self._levels) in self._keep else half)
        return self._levels[wanted]


def enlarged(image: pyvips.Image, size: Size) -> pyvips.Image:
    """Scale up to a size with the spline of Catmull and Rom, middle of a pixel to its middle.

    libvips' own `resize` lays the result half a pixel of the larger picture too far down and right
    (8.18: it displaces the input by half a pixel, but not the output back by half of its own).
    """
    if size == Size(image.width, image.height):
        return image
    return image.affine(
        [size.width / image.width, 0, 0, size.height / image.height],
        interpolate=pyvips.Interpolate.new("bicubic"),
        oarea=[0, 0, size.width, size.height],
        idx=0.5,
        idy=0.5,
        odx=-0.5,
        ody=-0.5,
        extend="copy",
        premultiplied=True,
    )


def premultiplied(image: pyvips.Image) -> pyvips.Image:
    """Multiply alpha into the colours, rounded to the format that they had.

    Levels of 8 bits cost a quarter of the memory that libvips' floats would; what is rounded away
    is less than one level of what can be seen.
    """
    if not image.hasalpha():
        return image
    return image.premultiply().rint().cast(image.format).copy(interpretation=image.interpretation)


def straight(image: pyvips.Image, *, like: pyvips.Image) -> pyvips.Image:
    """Divide the colours by alpha again, into the format and kind of another image."""
    if not like.hasalpha():
        return image
    return image.unpremultiply().rint().cast(like.format).copy(interpretation=like.interpretation)
