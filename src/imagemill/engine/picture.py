"""The picture that steps work on: upright frames in one colour space, and how to change them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyvips

from imagemill.colour import Colour
from imagemill.contracts.facts import Facts
from imagemill.engine import fonts, inscriptions, writing
from imagemill.engine.original import Original, Wish
from imagemill.engine.progress import A_TRY, Progress, part_of_writing
from imagemill.engine.pyramid import Pyramid
from imagemill.geometry import Size


@dataclass(frozen=True)
class Picture:
    """A decoded picture: sRGB or grey, 8 bits a band, with or without alpha, upright.

    It never changes; each method answers a new picture. libvips computes lazily, so a chain of
    changes costs one pass over the pixels when it is written.
    """

    facts: Facts
    """What the original is; stays as it was while the pixels change."""
    frames: tuple[pyvips.Image, ...]
    """One image for each frame of an animation, all of one size; one for a still picture.

    Empty only in the hands of a first step that told with `scaled` which size it will take.
    """
    progress: Progress
    """What hears of each pass over the pixels."""
    delays_ms: tuple[int, ...] = ()
    """How long each frame stands, for animations."""
    loops: int = 0
    """How often an animation plays; 0 is for ever."""
    pictures: Mapping[str, pyvips.Image] = field(default_factory=dict)
    """Further upright images that steps name, by image id."""
    original: Original | None = None
    """The decoded file that the frames come from, and what is embedded in it."""
    wish: Wish | None = None
    """What is taken of the original; None for a picture that was never in a file."""

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.frames[0].width) if self.frames else self.facts.width

    @property
    def height(self) -> int:
        """Pixels down, of one frame."""
        return int(self.frames[0].height) if self.frames else self.facts.height

    @property
    def has_alpha(self) -> bool:
        """Whether there is a band of transparency."""
        if self.frames or self.original is None:
            return bool(self.frames[0].hasalpha())
        return self.original.has_alpha

    @property
    def bicubic(self) -> pyvips.Interpolate:
        """Give the kernel (Catmull-Rom) with which steps sample between pixels."""
        return pyvips.Interpolate.new("bicubic")

    def mapped(self, change: Callable[[pyvips.Image], pyvips.Image]) -> Picture:
        """Apply the same change to every frame."""
        return replace(self, frames=tuple(change(frame) for frame in self.frames))

    def resized(self, width: int, height: int) -> Picture:
        """Scale to exactly (width, height) pixels, from the smallest decode that is sharp enough.

        Alpha is multiplied in while neighbours are mixed, so that no hidden colour bleeds.
        """
        size = Size(width, height)
        if not self.frames and self.original and self.wish:
            return replace(self, frames=self.original.frames(replace(self.wish, size=size)))
        return self.mapped(lambda frame: Pyramid(frame, (), self._held).scaled(size))

    def in_memory(self) -> Picture:
        """Compute the pixels now, so that what follows may read them in any order, many times."""
        return self.mapped(self._held)

    def still(self) -> Picture:
        """Keep the first frame of an animation."""
        return replace(self, frames=self.frames[:1])

    def write(
        self, target: int, saver: str, keep: Collection[str], *, gps: bool, **options: object
    ) -> None:
        """Write all frames with a libvips saver to an open descriptor, from top to bottom."""
        part = part_of_writing(saver, options, frames=len(self.frames))
        roll = self.progress.watched(self._roll(keep, gps=gps), part)
        writing.write(roll, target, saver, keep, **options)

    def encoded(self, saver: str, keep: Collection[str], *, gps: bool, **options: object) -> bytes:
        """Write all frames into memory; for a file that is tried and may be thrown away."""
        roll = self.progress.watched(self._roll(keep, gps=gps), A_TRY)
        return writing.encoded(roll, saver, keep, **options)

    def inscriptions(self, *, gps: bool) -> dict[str, Any]:
        """Read what is written in the original's file beside its pixels, as JSON values."""
        embedded = self.original.embedded if self.original else self.frames[0]
        return inscriptions.inscriptions(embedded, gps=gps)

    def text(self, text: str, *, font: str, size_px: int, colour: Colour) -> pyvips.Image:
        """Draw a text as an sRGB image with alpha, just as large as its ink.

        Raises `OutputImpossible`, naming the fonts there are, when `font` is none of them.
        """
        return fonts.drawn(text, font=font, size_px=size_px, colour=colour)

    def _held(self, frame: pyvips.Image) -> pyvips.Image:
        return self.progress.held(frame, frames=len(self.frames))

    def _roll(self, keep: Collection[str], *, gps: bool) -> pyvips.Image:
        roll = writing.joined(self.frames, delays_ms=self.delays_ms, loops=self.loops)
        return writing.stripped(roll, keep, gps=gps)
