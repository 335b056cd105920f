"""The picture that steps work on: upright frames in one colour space, and how to change them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import pyvips

from imagemill.colour import Colour
from imagemill.contracts.facts import Facts
from imagemill.engine import fonts


@dataclass(frozen=True)
class Picture:
    """A decoded picture: sRGB or grey, 8 bits a band, with or without alpha, upright.

    It never changes; each method answers a new picture. libvips computes lazily, so a chain of
    changes costs one pass over the pixels when it is written.
    """

    facts: Facts
    """What the original is; stays as it was while the pixels change."""
    frames: tuple[pyvips.Image, ...]
    """One image for each frame of an animation, all of one size; one for a still picture."""
    delays_ms: tuple[int, ...] = ()
    """How long each frame stands, for animations."""
    loops: int = 0
    """How often an animation plays; 0 is for ever."""
    pictures: Mapping[str, pyvips.Image] = field(default_factory=dict)
    """Further upright images that steps name, by image id."""

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.frames[0].width)

    @property
    def height(self) -> int:
        """Pixels down, of one frame."""
        return int(self.frames[0].height)

    @property
    def has_alpha(self) -> bool:
        """Whether there is a band of transparency."""
        return bool(self.frames[0].hasalpha())

    def mapped(self, change: Callable[[pyvips.Image], pyvips.Image]) -> Picture:
        """Apply the same change to every frame."""
        return replace(self, frames=tuple(change(frame) for frame in self.frames))

    def resized(self, width: int, height: int) -> Picture:
        """Scale to exactly (width, height) pixels, from the smallest decode that is sharp enough."""
        return self.mapped(
            lambda frame: frame.resize(width / frame.width, vscale=height / frame.height)
        )

    @property
    def bicubic(self) -> pyvips.Interpolate:
        """Give the kernel (Catmull-Rom) with which steps sample between pixels."""
        return pyvips.Interpolate.new("bicubic")

    def text(self, text: str, *, font: str, size_px: int, colour: Colour) -> pyvips.Image:
        """Draw a text as an sRGB image with alpha, just as large as its ink.

        Raises `OutputImpossible`, naming the fonts there are, when `font` is none of them.
        """
        return fonts.drawn(text, font=font, size_px=size_px, colour=colour)
