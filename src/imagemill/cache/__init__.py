"""The cache port: values that may be forgotten at any time and are right until they expire."""

from __future__ import annotations

from typing import Protocol


class Cache(Protocol):
    """Small byte values under a key; losing one costs time, never truth."""

    async def get(self, key: str) -> bytes | None:
        """Give the value, or None when it is not there or has expired."""
        ...

    async def put(self, key: str, value: bytes, *, seconds: float) -> None:
        """Keep the value for that many seconds at most."""
        ...

    async def drop(self, key: str) -> None:
        """Forget the value; forgetting what is not there is no error."""
        ...
