"""Uploads in chunks: each is stored as it comes, so that a cut costs no byte that arrived."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from imagemill.contracts.identity import Identity
from imagemill.database import Connection, Database
from imagemill.errors import ImagemillError, Locked
from imagemill.storage import Bucket, Storage
from imagemill.uploads.records import uploads as rows
from imagemill.uploads.settings import UploadsSettings
from imagemill.uploads.tus import Checksum, Creation, beyond
from imagemill.uploads.upload import Chunk, Upload, UploadKind, object_key

_CHUNK_BYTES: Final = 8 << 20
"""Longest chunk: what the end of a process costs at most, and 7 objects for 50 MB."""
_MOST_CHUNKS: Final = 1000


@dataclass(frozen=True, slots=True)
class Resumable:
    """Begin uploads, and add to them."""

    database: Database
    storage: Storage
    settings: UploadsSettings
    clock: Callable[[], float]

    async def begin(self, owner: Identity, wanted: Creation) -> Upload:
        """Begin an upload without bytes; raises `TooMany`."""
        now = self.clock()
        upload = Upload(
            upload_id=str(uuid.uuid4()),
            owner=owner.account,
            kind=UploadKind.RESUMABLE,
            created_at=now,
            expires_at=now + self.settings.resumable_s,
        )
        upload = replace(
            upload,
            size_bytes=wanted.size_bytes,
            name=wanted.name,
            content_type=wanted.content_type,
            metadata=wanted.metadata,
        )
        most = self.settings.max_open_per_owner
        await self.database.run(lambda each: rows.add(each, upload, most))
        return upload

    async def append(
        self, upload: Upload, content: AsyncIterable[bytes], checksum: Checksum | None = None
    ) -> Upload:
        """Keep the bytes of a stream up to its end, and give the upload as it is then.

        What came is kept every 8 MiB, and when the stream ends early; under a checksum all of it
        is kept at the end, or nothing. Raises `ChecksumMismatch`, `Conflict` when another process
        added to the same upload meanwhile, `TooLarge` and `TooMany`.
        """
        slices = _Slices(_watched(content, upload, checksum))
        if checksum is None:
            while chunk := await self._stored(upload, slices):
                upload = await self._kept(upload, [chunk])
            return upload
        return await self._checked(upload, slices, checksum)

    async def _checked(self, upload: Upload, slices: _Slices, checksum: Checksum) -> Upload:
        chunks: list[Chunk] = []
        end = upload
        try:
            while chunk := await self._stored(end, slices):
                chunks.append(chunk)
                end = replace(end, offset_bytes=end.offset_bytes + (chunk.size_bytes or 0))
            checksum.require()
        except BaseException:
            await self._drop([each.storage_key for each in chunks])
            raise
        return await self._kept(upload, chunks) if chunks else upload

    async def _stored(self, upload: Upload, slices: _Slices) -> Chunk | None:
        """Store the next slice; None at the end of the stream."""
        if not await slices.are_left():
            return None
        key = object_key()
        await self.database.run(
            lambda each: rows.begin_chunk(each, upload.upload_id, key), durable=False
        )
        try:
            stored = await self.storage.put(Bucket.ORIGINALS, key, slices.next())
        except BaseException:
            await self._drop([key])
            raise
        return Chunk(key, upload.offset_bytes, stored.size_bytes, stored.sha256)

    async def _kept(self, upload: Upload, chunks: list[Chunk]) -> Upload:
        """Count chunks in; raises `Conflict` unless the upload still ends where they begin."""
        expires_at = self.clock() + self.settings.resumable_s

        def keep(connection: Connection) -> Upload:
            return rows.keep_chunks(
                connection, upload, chunks, expires_at=expires_at, most=_MOST_CHUNKS
            )

        try:
            return await self.database.run(keep)
        except ImagemillError:  # Not for a cancellation: the rows may be written all the same.
            await self._drop([each.storage_key for each in chunks])
            raise

    async def _drop(self, keys: list[str]) -> None:
        """Remove objects that belong to nothing; where that fails, the upload's end does it."""
        with suppress(ImagemillError):
            for key in keys:
                await self.storage.delete(Bucket.ORIGINALS, key)
            await self.database.run(lambda each: rows.forget_chunks(each, keys), durable=False)


class Turn:
    """One request that adds to an upload, and may be asked to end."""

    def __init__(self) -> None:
        """Begin without having read."""
        self.has_ended = asyncio.Event()
        self._is_asked = False
        self._limit: asyncio.Timeout | None = None

    def ask(self) -> None:
        """Let the request keep what it has read, and read no more."""
        self._is_asked = True
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time())

    async def until_asked(self, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass a stream on until its end, or until somebody asks for one."""
        while not self._is_asked:
            try:
                async with asyncio.timeout(None) as self._limit:
                    piece = await anext(content)
            except (StopAsyncIteration, TimeoutError):
                return
            finally:
                self._limit = None
            yield piece


class Turns:
    """The uploads that requests of this process add to, one request each.

    It dies with the process, and only spares a second request its body: what keeps two from
    interleaving, in two processes too, is that a row must still end where they began.
    """

    def __init__(self) -> None:
        """Begin with none; there are never more than open connections."""
        self._turns: dict[str, Turn] = {}

    @contextmanager
    def entered(self, upload_id: str) -> Iterator[Turn]:
        """Hold an upload for a block; raises `Locked` while another request does."""
        if upload_id in self._turns:
            raise Locked("Another request is adding to this upload; ask for its offset with HEAD.")
        turn = self._turns[upload_id] = Turn()
        try:
            yield turn
        finally:
            del self._turns[upload_id]
            turn.has_ended.set()

    async def end(self, upload_id: str, *, within_s: float) -> None:
        """Ask the request that holds an upload to end, and wait for that, but not longer."""
        if turn := self._turns.get(upload_id):
            turn.ask()
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await turn.has_ended.wait()

    def end_all(self) -> None:
        """Ask every request to end, so that this process can."""
        for turn in self._turns.values():
            turn.ask()


class _Slices:
    """A stream in slices of at most 8 MiB."""

    def __init__(self, content: AsyncIterator[bytes]) -> None:
        self._content = content
        self._held = b""

    async def are_left(self) -> bool:
        """Tell whether there are more bytes, and wait for the first of them."""
        while not self._held:
            try:
                self._held = await anext(self._content)
            except StopAsyncIteration:
                return False
        return True

    async def next(self) -> AsyncIterator[bytes]:
        room = _CHUNK_BYTES
        while room and await self.are_left():
            piece, self._held = self._held[:room], self._held[room:]
            room -= len(piece)
            yield piece


async def _watched(
    content: AsyncIterable[bytes], upload: Upload, checksum: Checksum | None
) -> AsyncIterator[bytes]:
    """Pass a stream on; raise `TooLarge` beyond the announced length."""
    room = left = (upload.size_bytes or 0) - upload.offset_bytes
    async for piece in content:
        left -= len(piece)
        if left < 0:
            raise beyond(room)
        if checksum:
            checksum.add(piece)
        yield piece
