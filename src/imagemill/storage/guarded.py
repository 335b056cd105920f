"""A storage that is left alone for a while when it fails again and again.

Reading and writing have a breaker each: a full disk refuses every write and still gives every
object, and the reads that succeed would hide that no write does.

Known limits: those of the storage below. What breaks in the middle of an object's stream is not
counted, and a stream that began goes on while the breaker is open.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator

from imagemill.breaker import Breaker, Verdict
from imagemill.storage import Bucket, SignedUrl, Storage, Stored, Wish


class GuardedStorage:
    """A `Storage` over another one; raises `NotAsked` while its breaker is open."""

    def __init__(self, storage: Storage, *, reading: Breaker, writing: Breaker) -> None:
        """Ask `storage` as long as the two breakers let calls through."""
        self._storage = storage
        self._reading = reading
        self._writing = writing

    async def put(self, bucket: Bucket, key: str, content: AsyncIterable[bytes]) -> Stored:
        """Write it there; an error of the stream's own says nothing about the storage."""
        with self._writing.asking() as asked:
            return await self._storage.put(bucket, key, asked.fed_by(content))

    async def get(
        self, bucket: Bucket, key: str, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """Stream it from there; the first piece is the answer, for a reader may take its time."""
        with self._reading.asking() as asked:
            async for piece in self._storage.get(bucket, key, start=start, end=end):
                asked.settle(Verdict.ANSWERED)
                yield piece

    async def open(self, bucket: Bucket, key: str, *, sha256: str | None) -> int:
        """Open it there."""
        with self._reading.asking():
            return await self._storage.open(bucket, key, sha256=sha256)

    async def size(self, bucket: Bucket, key: str) -> int | None:
        """Look it up there."""
        with self._reading.asking():
            return await self._storage.size(bucket, key)

    async def delete(self, bucket: Bucket, key: str) -> None:
        """Remove it there."""
        with self._writing.asking():
            await self._storage.delete(bucket, key)

    async def sign(self, bucket: Bucket, key: str, wish: Wish) -> SignedUrl:
        """Sign it there; nothing is asked of the storage itself."""
        return await self._storage.sign(bucket, key, wish)

    async def tidy(self, older_than_s: float) -> int:
        """Remove it there."""
        with self._writing.asking():
            return await self._storage.tidy(older_than_s)

    async def check(self) -> None:
        """Raise `Unavailable` when objects cannot be written now, or a breaker is open."""
        self.require()
        with self._writing.asking():
            await self._storage.check()

    def require(self) -> None:
        """Raise `NotAsked` while reading or writing rests; ask nothing."""
        self._reading.require()
        self._writing.require()
