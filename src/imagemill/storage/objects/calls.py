"""Calls of a library whose own threads answer: each is awaited by somebody, also a forgotten one.

A call that its caller was cancelled out of goes on until it ends or times out. Cancelling it would
not: obstore's upload would wait for its next piece for ever, and leave its parts in the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

T = TypeVar("T")


class Calls:
    """All calls that have not ended; closing waits for them, so that none outlives the loop."""

    def __init__(self) -> None:
        """Begin with none."""
        self._open: set[asyncio.Future[Any]] = set()

    def begin(self, call: Awaitable[T]) -> asyncio.Future[T]:
        """Own a call from now on."""
        future = asyncio.ensure_future(call)
        self._open.add(future)
        future.add_done_callback(self._ended)
        return future

    async def make(self, call: Awaitable[T]) -> T:
        """Wait for a call, which goes on when the wait is cancelled."""
        return await asyncio.shield(self.begin(call))

    async def close(self, within_s: float) -> None:
        """Wait for what goes on, for so many seconds at most."""
        if self._open:
            await asyncio.wait(self._open, timeout=within_s)

    def _ended(self, future: asyncio.Future[Any]) -> None:
        self._open.discard(future)
        if not future.cancelled():
            future.exception()  # Seen, though nobody may wait for it any more.
