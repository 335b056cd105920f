"""A cache in this process's memory.

Known limits: each process has its own, so a `drop` is not seen by others before the value expires.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable


class MemoryCache:
    """A `Cache` that forgets the least recently used value when it is full."""

    def __init__(self, clock: Callable[[], float], *, entries: int = 10_000) -> None:
        """Take time from `clock` (seconds, only ever growing)."""
        self._clock = clock
        self._entries = entries
        self._values: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    async def get(self, key: str) -> bytes | None:
        """Give a value that has not expired and mark it as used."""
        until, value = self._values.get(key, (0.0, b""))
        if until <= self._clock():
            self._values.pop(key, None)
            return None
        self._values.move_to_end(key)
        return value

    async def put(self, key: str, value: bytes, *, seconds: float) -> None:
        """Keep a value, pushing out the least recently used one when full."""
        self._values[key] = (self._clock() + seconds, value)
        self._values.move_to_end(key)
        while len(self._values) > self._entries:
            self._values.popitem(last=False)

    async def drop(self, key: str) -> None:
        """Forget a value."""
        self._values.pop(key, None)
