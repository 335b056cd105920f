"""An object on its way to a store: a small one as one request, a large one in parts.

Of a large one the store shows nothing until its last part is there, and obstore aborts the upload
when its source raises. So the source is fed here: when the content breaks off, or whoever sends it
is cancelled, the source raises, and the abort is waited for.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable
from typing import TYPE_CHECKING, Final

import obstore

from imagemill.faults import Faults, Point
from imagemill.storage import Stored
from imagemill.storage.objects.calls import Calls
from imagemill.storage.objects.refusals import translated
from imagemill.streams import gathered

if TYPE_CHECKING:
    from obstore import Attributes, PutResult
    from obstore.store import ObjectStore

PART_BYTES: Final = 5 << 20
"""The least that S3 takes as a part, and so the least memory; 50 MB are ten parts."""
_PARTS_IN_FLIGHT: Final = 2
_PIECE_BYTES: Final = 1 << 18
_HASHED_HERE_BYTES: Final = 1 << 16
_ABORT_S: Final = 30.0
"""Longest wait for an abort, or for the end of what is sent whole; `tidy` removes what is left of
parts."""


class Sending:
    """One object that is written from a stream, and what was seen of it on the way."""

    def __init__(
        self,
        store: ObjectStore,
        path: str,
        attributes: Attributes,
        calls: Calls,
        faults: Faults,
    ) -> None:
        """Send to this place of a store."""
        self._faults = faults
        self._store = store
        self._path = path
        self._attributes = attributes
        self._calls = calls
        self._digest = hashlib.sha256()
        self._size = 0

    async def run(self, content: AsyncIterable[bytes]) -> Stored:
        """Send all of it; raises what `content` raises, or what the store's refusal means."""
        pieces = gathered(self._seen(content), _PIECE_BYTES)
        first, is_all = await _first(pieces, PART_BYTES)
        with translated():
            if is_all:
                self._faults.reach(Point.HALF_WRITTEN)
                put = obstore.put_async(
                    self._store,
                    self._path,
                    first,
                    attributes=self._attributes,
                    use_multipart=False,
                )
                await self._whole(put)
            else:
                await self._in_parts(first, pieces)
        return Stored(self._size, self._digest.hexdigest())

    async def _whole(self, put: Awaitable[PutResult]) -> None:
        """Send it in one request, which cannot be called back: who is cancelled waits for its end.

        Otherwise the object could arrive after it was deleted again.
        """
        sent = self._calls.begin(put)
        try:
            await asyncio.shield(sent)
        except asyncio.CancelledError:
            await asyncio.wait({sent}, timeout=_ABORT_S)
            raise

    async def _in_parts(self, first: bytes, pieces: AsyncIterator[bytes]) -> None:
        feed = _Feed()
        put = obstore.put_async(
            self._store,
            self._path,
            feed,
            attributes=self._attributes,
            use_multipart=True,
            chunk_size=PART_BYTES,
            max_concurrency=_PARTS_IN_FLIGHT,
        )
        sent = self._calls.begin(put)
        sent.add_done_callback(feed.is_over)
        try:
            await feed.give(first)
            del first
            async for piece in pieces:
                if not await feed.give(piece):
                    break
            self._faults.reach(Point.HALF_WRITTEN)
            await feed.give(None)
            await asyncio.shield(sent)
        except BaseException:
            feed.break_off()
            await asyncio.wait({sent}, timeout=_ABORT_S)
            raise

    async def _seen(self, content: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        async for piece in content:
            self._size += len(piece)
            if len(piece) <= _HASHED_HERE_BYTES:
                self._digest.update(piece)
            else:
                await asyncio.to_thread(self._digest.update, piece)
            yield piece


class _BrokenOff(Exception):
    """Make obstore abort the upload."""


class _Feed:
    """One piece at a time, from who has it to who asks for it."""

    def __init__(self) -> None:
        self._free, self._full = asyncio.Event(), asyncio.Event()
        self._piece: bytes | None = None
        self._is_over = self._is_broken = False
        self._free.set()

    async def give(self, piece: bytes | None) -> bool:
        """Hand a piece over, None after the last; False when nobody takes any more."""
        await self._free.wait()
        if self._is_over:
            return False
        self._piece = piece
        self._free.clear()
        self._full.set()
        return True

    def is_over(self, _: asyncio.Future[PutResult]) -> None:
        """Learn that nobody takes any more."""
        self._is_over = True
        self._free.set()

    def break_off(self) -> None:
        """Let the taker fail instead of giving it more."""
        self._is_broken = True
        self._full.set()

    def __aiter__(self) -> _Feed:
        return self

    async def __anext__(self) -> bytes:
        await self._full.wait()
        if self._is_broken:
            raise _BrokenOff
        piece, self._piece = self._piece, None
        if piece is None:
            raise StopAsyncIteration
        self._full.clear()
        self._free.set()
        return piece


async def _first(pieces: AsyncIterator[bytes], most_bytes: int) -> tuple[bytes, bool]:
    """Read up to one part, and tell whether that was all."""
    held: list[bytes] = []
    size = 0
    async for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= most_bytes:
            return b"".join(held), False
    return b"".join(held), True
