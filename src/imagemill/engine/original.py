"""The decoded original of one order, and everything that several outputs take from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyvips

from imagemill.engine import pyramid, tones
from imagemill.engine.decode import Decoded
from imagemill.engine.progress import Progress
from imagemill.geometry import Size

_FLOPPED, _ON_ITS_SIDE = 2, 5
"""EXIF orientations: up to 2 rows stay in order, from 5 on width and height swap."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one output takes of the original, before anything else is done to it."""

    size: Size | None
    """The upright size that it is scaled to first; None where it needs every pixel."""
    moving: bool
    """Whether it takes all frames of an animation, or the first."""
    in_profile: bool
    """Whether it keeps the colours of the embedded profile instead of sRGB."""
    fast: bool = False
    """Whether the decoder need not leave the margin that the scaling would like."""


class Original:
    """Share one decode: each size that is wished for is made once, from levels made once."""

    def __init__(self, decoded: Decoded, wishes: Sequence[Wish], progress: Progress) -> None:
        self._wishes = Counter(wishes)
        self._decoded = decoded
        self._progress = progress
        self._made: dict[Wish, tuple[pyvips.Image, ...]] = {}
        self._pyramids = [
            pyramid.Pyramid(frame, self._kept(frame, wishes), self._held)
            for frame in decoded.frames
        ]

    @property
    def embedded(self) -> pyvips.Image:
        """An image that carries what is embedded in the file: EXIF, XMP, IPTC, ICC."""
        return self._decoded.frames[0]

    @property
    def has_alpha(self) -> bool:
        """Whether there is a band of transparency."""
        return bool(self.embedded.hasalpha())

    def frames(self, wish: Wish) -> tuple[pyvips.Image, ...]:
        """Give upright frames of the size and in the colours that are wished for.

        Raises nothing yet: pixels are decoded when they are asked for.
        """
        if wish not in self._made:
            frames = tuple(self._frame(each, wish) for each in self._taken(wish))
            shared = self._wishes[wish] > 1 and wish.size is not None
            self._made[wish] = tuple(self._held(each) for each in frames) if shared else frames
        return self._made[wish]

    def _taken(self, wish: Wish) -> list[pyramid.Pyramid]:
        return self._pyramids if wish.moving else self._pyramids[:1]

    def _frame(self, levels: pyramid.Pyramid, wish: Wish) -> pyvips.Image:
        image = levels.image if wish.size is None else levels.scaled(self._stored(wish.size))
        coloured = tones.own(image) if wish.in_profile else tones.standard(image)
        return self._upright(coloured)

    def _upright(self, image: pyvips.Image) -> pyvips.Image:
        """Apply the orientation; one that needs later rows first holds the image in memory."""
        if self._turn == 1:
            return image
        return (image if self._turn <= _FLOPPED else self._held(image)).autorot()

    def _held(self, image: pyvips.Image) -> pyvips.Image:
        return self._progress.held(image, frames=len(self._decoded.frames))

    @property
    def _turn(self) -> int:
        return self._decoded.facts.orientation

    def _stored(self, size: Size) -> Size:
        """Give the size that becomes this one when the picture is set upright."""
        return Size(size.height, size.width) if self._turn >= _ON_ITS_SIDE else size

    def _kept(self, frame: pyvips.Image, wishes: Sequence[Wish]) -> frozenset[int]:
        whole = sum(wish.size is None for wish in wishes)
        sized = {wish for wish in wishes if wish.size is not None}
        stored = [self._stored(wish.size) for wish in sized if wish.size is not None]
        return pyramid.kept(Size(frame.width, frame.height), stored, whole)
