"""How far an order is: one number, made of what libvips tells while it passes over the pixels.

Every output has an equal share of the whole. How many passes an output needs shows only while it
is made, so each pass moves a known part of what is left of its share: half for pixels that are
put into memory, all of it for a file that is written row by row. The number therefore grows while
there is work, stands while an encoder works that tells nothing, and never runs ahead of the
outputs that are done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyvips

TELL_AFTER_S = 0.5
"""Work that takes no longer is told nothing of."""
TELL_EVERY_S = 0.25
"""Shortest pause between two numbers."""
A_TRY = 1 / 16
"""Part of a share for a file that may be thrown away: there may be thirty of them."""
_BEFORE_ENCODING = 1 / 4
"""Part of a share for handing pixels to an encoder that begins when it has all of them. AVIF takes
7 times as long as reading a photograph for it, a palette 25 times, WebP twice."""
_BY_ROWS = frozenset({"jpegsave", "pngsave", "tiffsave"})
"""Savers that are done soon after the last row has come."""
_LARGE_PX = 4_000_000
_SHORT_S = 0.25
"""A pass over fewer pixels, begun before, is not watched, for that would cost short work 3 %."""
_LAZY = "p"
"""What libvips calls an image whose pixels are still to be computed."""


class Progress:
    """Follow one order and tell, from time to time, how far it is."""

    def __init__(self, tell: Callable[[int], None], outputs: int, now: Callable[[], float]) -> None:
        """Begin; `tell` is given 1 to 99, each higher than the one before, and `now` seconds."""
        self._tell = tell
        self._outputs = outputs
        self._now = now
        self._began = self._told_at = now()
        self._told = 0
        self._made = 0
        self._passed = 0.0
        """Where the pass that was begun last will end; from 0 to 1, as all of these."""

    def held(self, image: pyvips.Image, *, frames: int) -> pyvips.Image:
        """Compute one of so many frames into memory; give it back as it is where it lies there."""
        if pyvips.VipsObject.get(image, "mode") != _LAZY:
            return image
        return self.watched(image, 1 / (frames + 1)).copy_memory()

    def watched(self, image: pyvips.Image, part: float) -> pyvips.Image:
        """Give the same pixels; the pass over them moves this part of what the share has left.

        Keep it until the pass is over: libvips calls back into it, and never into what it is
        made of, so that nothing is called whose Python side is gone.
        """
        start = self._passed
        self._passed += ((self._made + 1) / self._outputs - start) * part
        self._reach(start)
        return self._connected(image, start) if self._may_take_long(image) else image

    def finish_output(self) -> None:
        """Move to the end of the share of the output that is done now."""
        self._made += 1
        self._passed = self._made / self._outputs
        self._reach(self._passed)

    def _may_take_long(self, image: pyvips.Image) -> bool:
        large = image.width * image.height >= _LARGE_PX
        return large or self._now() >= self._began + _SHORT_S

    def _connected(self, image: pyvips.Image, start: float) -> pyvips.Image:
        span = self._passed - start

        def hear(_: pyvips.Image, done: Any) -> None:  # noqa: ANN401 - a struct of libvips.
            if self._now() >= self._next_at:
                # libvips counts whole tiles, and so beyond the edge of a picture.
                self._reach(start + span * min(done.percent, 100) / 100)

        top = image.copy()
        top.set_progress(True)
        top.signal_connect("eval", hear)
        return top

    def _reach(self, at: float) -> None:
        percent = int(at * 100)
        if self._told < percent < 100 and self._now() >= self._next_at:
            self._told, self._told_at = percent, self._now()
            self._tell(percent)

    @property
    def _next_at(self) -> float:
        return max(self._began + TELL_AFTER_S, self._told_at + TELL_EVERY_S)


def part_of_writing(saver: str, options: Mapping[str, object], *, frames: int) -> float:
    """Tell how much of a share is done when a saver has got all pixels; animations go by frames."""
    by_rows = saver in _BY_ROWS and not options.get("palette")
    return 1 if by_rows or frames > 1 else _BEFORE_ENCODING


def unheard(percent: int) -> None:
    """Take a number that nobody wants to know."""
