"""Objects on their way from one storage to another, checked while they pass."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Final, TypeVar

from imagemill.errors import Unavailable
from imagemill.storage import Bucket, Storage, Stored

T = TypeVar("T")

_AT_ONCE: Final = 8
"""Objects under way at once, so that they share the disk's syncs: one alone waits for its own."""


class Damaged(Exception):
    """End a stream whose bytes are not those that were once written."""


async def checked(
    storage: Storage, bucket: Bucket, key: str, stored: Stored
) -> AsyncGenerator[bytes, None]:
    """Stream an object, and raise `Damaged` at its end if size or digest are not as they were.

    An object that the disk cannot read is damaged too. Raises `NotFound`.
    """
    sha256, size_bytes = hashlib.sha256(), 0
    try:
        async with aclosing(_stream(storage, bucket, key)) as pieces:
            async for piece in pieces:
                sha256.update(piece)
                size_bytes += len(piece)
                yield piece
    except Unavailable as error:
        raise Damaged from error
    if Stored(size_bytes, sha256.hexdigest()) != stored:
        raise Damaged


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Do the work for every item, some at once; the first error ends it and is raised."""
    waiting = iter(items)

    async def hand() -> None:
        for item in waiting:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(hand())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def _stream(storage: Storage, bucket: Bucket, key: str) -> AsyncGenerator[bytes, None]:
    async for piece in storage.get(bucket, key):
        yield piece
