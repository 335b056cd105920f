"""Bytes that arrive in pieces, in pieces of a better size."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator


async def gathered(pieces: AsyncIterable[bytes], least_bytes: int) -> AsyncIterator[bytes]:
    """Join pieces until each has `least_bytes` at least, but for the last; none is empty."""
    held: list[bytes] = []
    size = 0
    async for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= least_bytes:
            whole = b"".join(held)
            held, size, piece = [], 0, b""  # noqa: PLW2901 - not held until the next one comes
            yield whole
            del whole
    if size:
        yield b"".join(held)
