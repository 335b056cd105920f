"""Objects as files below one folder.

Known limits: one machine; a rename is atomic only within one file system, so drafts lie beside
their objects. A new object gets its name and is then synced once: ext4, XFS and Btrfs write a new
name together with the file's first sync, and nobody looks for a name before `put` has returned. An
object that replaces another is synced before and its folder after. Signed URLs lead to a route of
ours, which checks them and writes or reads here. Tested on ext4.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from imagemill.errors import NotFound, Unavailable
from imagemill.faults import Faults, Point
from imagemill.signing import UrlSigner
from imagemill.storage import Bucket, SignedUrl, Stored, Wish, lost
from imagemill.streams import gathered

T = TypeVar("T")

_PIECE_BYTES = 1 << 20
"""Bytes handed to a thread at once: a hop costs 0.05 ms, hashing and writing 1 MiB about 1 ms."""
_READ_BYTES = 1 << 18
"""Bytes read at once for who takes them over a network, and may take his time."""
_LEAST_PIECE_BYTES = 1 << 16
_IN_HAND = 16
"""Pieces of full size that all streams of one kind may have together; each holds three or so."""
_THREADS = 16
"""Most of them wait for the disk to sync, so there are more than cores."""
_CHECK_HOLDS_S = 2.0
"""How long a check is believed: whoever asks more often causes no more writes."""
_DRAFT = ".draft-"
_STALE_S = 3600.0
"""A draft that nobody wrote to for so long was left by a process that is gone."""


@dataclass(frozen=True, slots=True)
class Links:
    """Where objects of this storage can be reached, and who signs for it."""

    signer: UrlSigner
    address: str
    """What URLs begin with, such as `https://images.example.com`; empty gives paths alone."""
    path: str
    """Path of the route that serves objects as `{path}/{bucket}/{key}`."""

    def to(self, bucket: Bucket, key: str, wish: Wish) -> SignedUrl:
        """Sign a URL; what a PUT may bring stands in its query, so that the route can hold it."""
        also = {"type": wish.content_type, "most": wish.max_bytes}
        query = {name: str(value) for name, value in also.items() if value is not None}
        expires_at = float(int(self.signer.clock()) + wish.seconds)
        path = f"{self.path}/{bucket}/{key}"
        signed = self.signer.sign(wish.method, path, seconds=wish.seconds, also=query)
        headers = {"content-type": wish.content_type} if wish.content_type else {}
        return SignedUrl(
            wish.method, f"{self.address}{signed}", headers, expires_at, wish.max_bytes
        )


class LocalStorage:
    """A `Storage` in a folder of this machine."""

    def __init__(
        self,
        root: Path,
        clock: Callable[[], float] = time.monotonic,
        sync: Callable[[int], None] = os.fsync,
        *,
        faults: Faults | None = None,
        links: Callable[[], Links] | None = None,
        as_found: bool = False,
    ) -> None:
        """Keep objects below `root`, which is made when missing.

        `sync` brings an open file or folder to the disk; one that does nothing leaves that to the
        kernel, so that a power cut may lose what was put in its last half minute. Without `links`,
        which are asked for when they are needed, no URL is signed.

        What processes that were killed left half written is removed first; it takes about 1 ms
        for every 1,000 objects. `as_found` leaves the folder as it is until something is put.
        """
        self._root = root
        self._clock = clock
        self._sync = sync
        self._faults = faults or Faults.none()
        self._links = links
        self._checked_at = float("-inf")
        self._checking = asyncio.Lock()
        self._writers = self._readers = 0
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="storage")
        if not as_found:
            for bucket in Bucket:
                (root / bucket).mkdir(parents=True, exist_ok=True)
            _tidy(root, _STALE_S)

    async def put(self, bucket: Bucket, key: str, content: AsyncIterable[bytes]) -> Stored:
        """Write a draft while hashing it, sync it, then give it its name."""
        draft = _Draft(self._path(bucket, key), self._sync, self._faults)
        self._writers += 1
        try:
            last = b""
            async for piece in gathered(content, _share(_PIECE_BYTES, self._writers)):
                if last:
                    await self._thread(partial(draft.write, last))
                last = piece
            return await self._thread(partial(draft.finish, last))
        except BaseException:
            await asyncio.shield(self._thread(draft.drop))
            raise
        finally:
            self._writers -= 1

    async def get(
        self, bucket: Bucket, key: str, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """Read pieces of at most 256 KiB, in order."""
        descriptor = await self.open(bucket, key, sha256=None)
        self._readers += 1
        try:
            at = start
            while end is None or at < end:
                most = _share(_READ_BYTES, self._readers)
                length = most if end is None else min(most, end - at)
                piece = await self._thread(partial(os.pread, descriptor, length, at))
                if not piece:
                    return
                at += len(piece)
                yield piece
        finally:
            self._readers -= 1
            os.close(descriptor)

    async def open(self, bucket: Bucket, key: str, *, sha256: str | None) -> int:
        """Open the object's file for reading, and hash it: 1.2 ms for 2 MB, in a thread."""
        try:
            descriptor = os.open(self._path(bucket, key), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NotFound("The stored object is gone.") from error
        except OSError as error:
            raise _unreadable() from error
        try:
            if sha256 is not None:
                await self._thread(partial(_compare, descriptor, sha256))
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    async def size(self, bucket: Bucket, key: str) -> int | None:
        """Look the file's size up."""
        try:
            return self._path(bucket, key).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable() from error

    async def delete(self, bucket: Bucket, key: str) -> None:
        """Unlink the file."""
        await self._thread(lambda: self._path(bucket, key).unlink(missing_ok=True))

    async def sign(self, bucket: Bucket, key: str, wish: Wish) -> SignedUrl:
        """Sign a URL of our own."""
        if self._links is None:
            raise Unavailable("This process signs no URLs.")
        return self._links().to(bucket, key, wish)

    async def tidy(self, older_than_s: float) -> int:
        """Remove drafts that were not written to for so long; 1 ms for every 1,000 objects."""
        return await self._thread(partial(_tidy, self._root, older_than_s))

    async def check(self) -> None:
        """Write and remove a small draft, unless that worked 2 seconds ago or less."""
        async with self._checking:
            if self._clock() - self._checked_at < _CHECK_HOLDS_S:
                return
            await self._thread(self._try)
            self._checked_at = self._clock()

    async def close(self) -> None:
        """Wait for writes under way and end the threads."""
        await asyncio.to_thread(self._threads.shutdown)

    def _try(self) -> None:
        draft = _Draft(self._root / "check", self._sync, self._faults)
        try:
            draft.write(b"check")
        finally:
            draft.drop()

    def _path(self, bucket: Bucket, key: str) -> Path:
        return self._root / bucket / key

    async def _thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except OSError as error:
            message = "Objects cannot be written now; there may be no room. Try again later."
            raise Unavailable(message, retry_after_s=10) from error


class _Draft:
    """A file that has no name yet that anybody would look for."""

    def __init__(self, path: Path, sync: Callable[[int], None], faults: Faults) -> None:
        self._path = path
        self._sync = sync
        self._faults = faults
        self._draft = path.with_name(f"{_DRAFT}{secrets.token_hex(8)}")
        self._hash = hashlib.sha256()
        self._size = 0
        self._descriptor: int | None = None

    def write(self, piece: bytes | memoryview) -> None:
        descriptor = self._open()
        self._hash.update(piece)
        self._size += len(piece)
        left = memoryview(piece)
        while left:
            left = left[os.write(descriptor, left) :]

    def finish(self, piece: bytes) -> Stored:
        """Write the last piece, make the object durable and give it its name."""
        self._write_in_two(memoryview(piece))
        descriptor = self._open()
        if self._path.exists():
            self._sync(descriptor)
            self._draft.rename(self._path)
            _sync_folder(self._path.parent, self._sync)
        else:
            self._draft.rename(self._path)
            self._sync_new(descriptor)
        os.close(descriptor)
        self._descriptor = None
        return Stored(self._size, self._hash.hexdigest())

    def _write_in_two(self, piece: memoryview) -> None:
        """Let the fault point find every object half written, those of one piece too."""
        half = len(piece) // 2
        self.write(piece[:half])
        self._faults.reach(Point.HALF_WRITTEN)
        self.write(piece[half:])

    def _sync_new(self, descriptor: int) -> None:
        try:
            self._sync(descriptor)
        except OSError:
            self._path.unlink()
            raise

    def drop(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            self._draft.unlink(missing_ok=True)

    def _open(self) -> int:
        if self._descriptor is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            try:
                self._descriptor = os.open(self._draft, flags, 0o600)
            except FileNotFoundError:
                self._draft.parent.mkdir(parents=True, exist_ok=True)
                self._descriptor = os.open(self._draft, flags, 0o600)
        return self._descriptor


def _share(most: int, streams: int) -> int:
    """Tell how large a piece may be now: a crowd gets by with little, which costs more hops."""
    return max(_LEAST_PIECE_BYTES, most * _IN_HAND // max(streams, _IN_HAND))


def _compare(descriptor: int, sha256: str) -> None:
    """Hash a file from its first byte, without moving in it; raises `IntegrityLost`."""
    digest, at = hashlib.sha256(), 0
    while piece := os.pread(descriptor, _PIECE_BYTES, at):
        digest.update(piece)
        at += len(piece)
    if digest.hexdigest() != sha256:
        raise lost()


def _tidy(root: Path, older_than_s: float) -> int:
    before, removed = time.time() - older_than_s, 0
    for draft in root.rglob(f"{_DRAFT}*"):
        with suppress(FileNotFoundError):  # Its writer is not gone: it has its name now.
            if draft.stat().st_mtime < before:
                draft.unlink()
                removed += 1
    return removed


def _unreadable() -> Unavailable:
    return Unavailable("Objects cannot be read now; try again later.", retry_after_s=10)


def _sync_folder(folder: Path, sync: Callable[[int], None]) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)
