"""Ever smaller copies of one decoded frame, from which every size is scaled.

Each level is half the size of the one before, made by averaging 2 x 2 pixels. A size is scaled,
with a Lanczos kernel, from the smallest level that is still at least twice as large: so the
costly kernel never sees many more pixels than it needs, and the quality is that of libvips'
thumbnails, which follow the same rule in one chain. Which levels lie in memory changes the cost,
and never a pixel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import pyvips

from imagemill.geometry import Size

MARGIN = 2
"""How much larger than the size that is wanted a level has to be at least."""


def depth(stored: Size, wanted: Size) -> int:
    """Count how often a stored size may be halved and still have the margin."""
    times = min(stored.width // wanted.width, stored.height // wanted.height)
    return max(0, (times // MARGIN).bit_length() - 1 if times >= MARGIN else 0)


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

    def __init__(self, image: pyvips.Image, keep: Collection[int]) -> None:
        self._keep = keep
        self.image = image.copy_memory() if 0 in keep else image
        """The frame as it was decoded, with straight alpha."""
        self._levels: list[pyvips.Image] = []

    def scaled(self, size: Size) -> pyvips.Image:
        """Scale to exactly this size; alpha is multiplied in while neighbours are mixed."""
        if size == Size(self.image.width, self.image.height):
            return self.image
        level = self._level(depth(Size(self.image.width, self.image.height), size))
        across, down = size.width / level.width, size.height / level.height
        shrunk = level.resize(min(across, 1), vscale=min(down, 1))
        return straight(enlarged(shrunk, size), like=self.image)

    def _level(self, wanted: int) -> pyvips.Image:
        if not self._levels:
            self._levels.append(premultiplied(self.image))
        while len(self._levels) <= wanted:
            half = self._levels[-1].shrink(2, 2, ceil=True)
            self._levels.append(half.copy_memory() if len(self._levels) in self._keep else half)
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
