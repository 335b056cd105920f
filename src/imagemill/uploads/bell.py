"""One bell that rings for whoever waits at the moment, and then is another bell."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Bell:
    """Rings within this process; who waits looks first, and from time to time."""

    def __init__(self) -> None:
        """Begin silent."""
        self._now = asyncio.Event()
        self.is_over = False
        """Whether this process ends, so that nobody should wait any longer."""

    def ring(self) -> None:
        """Wake whoever waits."""
        self._now.set()
        self._now = asyncio.Event()

    def taken(self) -> asyncio.Event:
        """Give the event that the next ring sets; take it before looking."""
        if self.is_over:
            self._now.set()
        return self._now

    def end(self) -> None:
        """Wake everybody, now and from now on."""
        self.is_over = True
        self.ring()


async def heard(event: asyncio.Event, seconds: float) -> None:
    """Wait for a ring, so long at most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
