"""Turns for hosts, so that none is asked by too many at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Lines:
    """So many turns for each host at once; hosts that nobody waits for are forgotten."""

    def __init__(self, most: int) -> None:
        """Give `most` turns to each host."""
        self._most = most
        self._turns: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def turn(self, host: str, wait_s: float) -> AsyncIterator[None]:
        """Hold one of a host's turns; raises `TimeoutError` where none is free in time."""
        turns, waiting = self._turns.get(host, (asyncio.Semaphore(self._most), 0))
        self._turns[host] = turns, waiting + 1
        try:
            async with asyncio.timeout(wait_s):
                await turns.acquire()
            try:
                yield
            finally:
                turns.release()
        finally:
            turns, waiting = self._turns.pop(host)
            if waiting > 1:
                self._turns[host] = turns, waiting - 1
