"""Objects in a store that is asked over the network: S3 and what speaks it, Azure, Google.

Known limits:

- A signed PUT is held to its type, and to its length where the size was announced, by S3 alone and
  with keys that are known here. Elsewhere the store takes what is sent, up to its own largest PUT
  (5 GB); who records an object measures it.
- A process that is killed leaves parts of what it wrote. `tidy` aborts them on S3 with keys that
  are known here; a lifecycle rule does it everywhere else (docs/how-to/use-s3.md).
- On Azure, writers of one key at once share the parts that nobody has completed: beyond 5 MiB all
  but one may fail with `Unavailable`. Who reads compares the sha256, as everywhere.
- A bucket that was removed looks like an object that is not there when its size is asked for.
- A `get` that breaks is asked again from where it broke, if the object is still the same one.
- `check` leaves one small object, named `check`, in each bucket.
- Google was never tried: nothing that runs here speaks its language.

Measured 2026-11-25 on Ceph RGW 16.2 in memory, on the same two busy cores, beside files in one run
(medians, CPU of this process for put, get and open together):

- 100 KB: put 4-6 ms (files 1), get 4 ms (0.3), open 3 ms (0.2), CPU 3.4 ms (1.5). Now and then a
  small get takes 40 ms more: an acknowledgement that TCP delays.
- 5 MB: put 60 ms (files 11-16), get 14-28 ms (2.5), open 27-39 ms (4), CPU 30 ms (14).
- Putting 50 MB, or 200 MB, took 7 MB of memory beyond what putting 5 MB had; getting them under 1.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import obstore
import structlog
from obstore.exceptions import BaseError

from imagemill.errors import InvalidRequest, NotFound, Unavailable
from imagemill.faults import Faults
from imagemill.storage import Bucket, SignedUrl, Stored, Wish, lost
from imagemill.storage.objects.calls import Calls
from imagemill.storage.objects.refusals import Refusal, code_of, kind_of, of, said, translated
from imagemill.storage.objects.sending import Sending
from imagemill.storage.objects.signers import URLs
from imagemill.storage.objects.spool import Spool
from imagemill.storage.objects.stores import OpenStore
from imagemill.storage.objects.unfinished import S3Requests

if TYPE_CHECKING:
    from obstore import Attributes, GetResult

_log = structlog.get_logger(__name__)
_READ_BYTES: Final = 1 << 18
_CHECK_HOLDS_S: Final = 10.0
"""How long a check is believed: on AWS a PUT has a price."""
_CLOSE_S: Final = 30.0
_CHECK: Final = "check"
_ATTRIBUTES: Final[Attributes] = {"Content-Type": "application/octet-stream"}
"""Nothing that is read from the bucket itself is shown as what it claims to be."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """Buckets of one object store, and how they are used."""

    stores: Mapping[Bucket, OpenStore]
    names: Mapping[Bucket, str]
    urls: URLs
    calls: Calls
    requests: S3Requests | None = None
    """Asks S3 what obstore cannot; None where the keys are not known here."""
    prefix: str = ""
    faults: Faults = field(default_factory=Faults.none)
    spool: Path | None = None
    """Folder for objects while they are read as files; None has them in memory."""
    makes_buckets: bool = False


@dataclass
class _Checks:
    at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class ObjectStorage:
    """A `Storage` in an object store."""

    def __init__(
        self,
        buckets: Buckets,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep objects there; nothing is asked yet."""
        self._buckets = buckets
        self._calls = buckets.calls
        self._clock = clock
        self._monotonic = monotonic
        self._checked = _Checks()

    async def start(self) -> None:
        """Make sure that both buckets can be written, or make them where that is wanted.

        Raises `InvalidRequest` for what only an operator can mend: no bucket, wrong credentials,
        a wrong clock. A store that does not answer may come back; that is logged.
        """
        for bucket in Bucket:
            try:
                await self._start(bucket)
            except Unavailable as error:
                _log.warning("object_store_silent", bucket=str(bucket), reason=error.message)

    async def put(self, bucket: Bucket, key: str, content: AsyncIterable[bytes]) -> Stored:
        """Send one request for up to 5 MiB, or parts of 5 MiB, two at once: 20 MB of memory."""
        store = self._buckets.stores[bucket]
        sending = Sending(store, self._path(key), _ATTRIBUTES, self._calls, self._buckets.faults)
        return await sending.run(content)

    async def get(
        self, bucket: Bucket, key: str, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """Stream one answer of the store, in pieces of 256 KiB or a little more."""
        found = await self._found(bucket, key, start, end)
        if found is None:
            return
        stream = found.stream(min_chunk_size=_READ_BYTES)
        while True:
            with translated():
                try:
                    piece = await self._calls.make(anext(stream))
                except StopAsyncIteration:
                    return
            yield bytes(piece)

    async def open(self, bucket: Bucket, key: str, *, sha256: str | None) -> int:
        """Read all of it into memory, or into a file without a name, and open that."""
        try:
            spool = Spool(self._buckets.spool)
        except OSError as error:
            raise _no_room() from error
        try:
            async for piece in self.get(bucket, key):
                await _written(spool, piece)
            if sha256 is not None and spool.sha256 != sha256:
                raise lost()
            return spool.opened()
        finally:
            spool.close()

    async def size(self, bucket: Bucket, key: str) -> int | None:
        """Ask for the object's head."""
        try:
            with translated():
                head = obstore.head_async(self._buckets.stores[bucket], self._path(key))
                return (await self._calls.make(head))["size"]
        except NotFound:
            return None

    async def delete(self, bucket: Bucket, key: str) -> None:
        """Ask for the object's removal; stores differ on whether one must be there."""
        try:
            with translated():
                gone = obstore.delete_async(self._buckets.stores[bucket], self._path(key))
                await self._calls.make(gone)
        except NotFound:
            return

    async def sign(self, bucket: Bucket, key: str, wish: Wish) -> SignedUrl:
        """Sign a URL that leads to the store itself."""
        expires_at = float(int(self._clock()) + wish.seconds)
        signature = await self._buckets.urls.sign(bucket, self._path(key), wish)
        return SignedUrl(wish.method, signature.url, signature.headers, expires_at, wish.max_bytes)

    async def tidy(self, older_than_s: float) -> int:
        """Abort uploads in parts; leave it to the bucket's lifecycle where they cannot be seen."""
        requests = self._buckets.requests
        if requests is None:
            return 0
        before, prefix = self._clock() - older_than_s, self._buckets.prefix
        found = [await requests.abort_older(bucket, prefix, before) for bucket in Bucket]
        return sum(found)

    async def check(self) -> None:
        """Write a small object into each bucket, unless that worked 10 seconds ago or less."""
        async with self._checked.lock:
            if self._monotonic() - self._checked.at < _CHECK_HOLDS_S:
                return
            with translated():
                for bucket in Bucket:
                    await self._try(bucket)
            self._checked.at = self._monotonic()

    async def look(self) -> None:
        """Ask each bucket for an object, and write nothing; one that is made later may be missing.

        Raises `Unavailable` for a bucket that is missing and will not be, and for a refusal.
        """
        for bucket in Bucket:
            try:
                await self._found(bucket, _CHECK, 0, None)
            except NotFound:
                continue
            except Unavailable as error:
                if not self._is_made_later(error):
                    raise

    def _is_made_later(self, error: Unavailable) -> bool:
        cause = error.__cause__
        is_missing = isinstance(cause, Exception) and kind_of(cause) is Refusal.NO_BUCKET
        return is_missing and self._buckets.makes_buckets and self._buckets.requests is not None

    async def close(self) -> None:
        """Wait for what is under way, and let go of the connections."""
        await self._calls.close(_CLOSE_S)
        if self._buckets.requests:
            await self._buckets.requests.close()

    def _path(self, key: str) -> str:
        return f"{self._buckets.prefix}{key}"

    async def _found(
        self, bucket: Bucket, key: str, start: int, end: int | None
    ) -> GetResult | None:
        """Ask for an object or a range of it; None when there is nothing in the range."""
        if end is not None and end <= start:
            await self._require(bucket, key)
            return None
        wanted: Any = {"offset": start} if end is None else (start, end)
        options: Any = {"range": wanted} if start or end is not None else {}
        get = obstore.get_async(self._buckets.stores[bucket], self._path(key), options=options)
        try:
            return await self._calls.make(get)
        except (BaseError, FileNotFoundError) as error:
            if kind_of(error) is Refusal.BEYOND:
                return None
            raise of(error) from error

    async def _require(self, bucket: Bucket, key: str) -> None:
        if await self.size(bucket, key) is None:
            raise NotFound("The stored object is gone.")

    async def _start(self, bucket: Bucket) -> None:
        try:
            await self._try(bucket)
        except (BaseError, FileNotFoundError) as error:
            kind = kind_of(error)
            if kind is Refusal.ILL:
                raise of(error) from error
            if kind is not Refusal.NO_BUCKET:
                raise InvalidRequest(said(kind, code_of(error))) from error
            await self._make(bucket, error)

    async def _make(self, bucket: Bucket, error: Exception) -> None:
        name, requests = self._buckets.names[bucket], self._buckets.requests
        if requests is None or not self._buckets.makes_buckets:
            raise InvalidRequest(
                f"There is no bucket {name} in the object store. Make it, name another one in "
                f"IMAGEMILL_STORAGE_{bucket.upper()}_BUCKET, or let Imagemill make it on S3 with "
                "IMAGEMILL_STORAGE_CREATE_BUCKETS=1."
            ) from error
        await requests.make(bucket)
        _log.info("bucket_made", bucket=name)

    async def _try(self, bucket: Bucket) -> None:
        put = obstore.put_async(
            self._buckets.stores[bucket],
            self._path(_CHECK),
            b"check",
            attributes=_ATTRIBUTES,
            use_multipart=False,
        )
        await self._calls.make(put)


async def _written(spool: Spool, piece: bytes) -> None:
    try:
        await asyncio.to_thread(spool.write, piece)
    except OSError as error:
        raise _no_room() from error


def _no_room() -> Unavailable:
    return Unavailable("There is no room to read the object into.", retry_after_s=10)
