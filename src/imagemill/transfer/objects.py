"""Objects: which of them move, how they are copied, and whether they arrived."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from imagemill.backup.objects import Damaged, checked, for_each
from imagemill.backup.records import NAMING, Named
from imagemill.errors import NotFound
from imagemill.storage import Bucket, Storage, Stored
from imagemill.transfer.ends import Source
from imagemill.transfer.records import objects as rows
from imagemill.transfer.report import Broken, Fault, Moved

Move = Callable[[int], None]
"""Hears how many objects are done."""


async def named(source: Source) -> list[Named]:
    """List every object that moves: originals, results, and parts of uploads under way.

    Two rows may name one object; it is listed once.
    """
    found = [
        one for name, naming in NAMING.items() for one in await source.databases[name].read(naming)
    ]
    for key, stored in await source.databases["images"].read(rows.chunks):
        if whole := stored or await _measured(source.objects, Bucket.ORIGINALS, key):
            found.append(Named(Bucket.ORIGINALS, key, whole))
    return list({(one.bucket, one.key): one for one in found}.values())


async def unnamed(source: Source, moved: Sequence[Named]) -> list[str]:
    """List the objects of the source that no row names; they are left where they are."""
    known = {(one.bucket, one.key) for one in moved}
    known |= set(await source.databases["jobs"].read(rows.garbage))
    known |= set(await source.databases["images"].read(rows.intakes))
    return sorted(f"{bucket}/{key}" for bucket, key in source.there() if (bucket, key) not in known)


def parts(objects: Sequence[Named]) -> Iterator[Moved]:
    """Count objects by their bucket."""
    count, size_bytes = Counter[Bucket](), Counter[Bucket]()
    for one in objects:
        count[one.bucket] += 1
        size_bytes[one.bucket] += one.stored.size_bytes
    for bucket in Bucket:
        yield Moved(str(bucket), count[bucket], size_bytes[bucket])


@dataclass(frozen=True, slots=True)
class Copying:
    """The way of objects from one storage to another."""

    source: Storage
    target: Storage

    async def copy(self, objects: Sequence[Named], move: Move) -> list[Broken]:
        """Copy what the target lacks, some at once; answer those that cannot be copied.

        An object of the right size was put there whole by a run before. Raises `Unavailable` when
        the target cannot be written.
        """
        return await _each(objects, self._bring, move)

    async def copy_and_verify(self, objects: Sequence[Named], move: Move) -> list[Broken]:
        """Copy as `copy` does, and read back what this run has copied."""
        return await _each(objects, self._bring_and_prove, move)

    async def verify(self, objects: Sequence[Named], move: Move) -> list[Broken]:
        """Read every object back; one that is wrong is copied once more, and then told."""
        return await _each(objects, self._prove, move)

    async def _bring(self, one: Named) -> Fault | None:
        if await self.target.size(one.bucket, one.key) == one.stored.size_bytes:
            return None
        return await self._put(one)

    async def _bring_and_prove(self, one: Named) -> Fault | None:
        if await self.target.size(one.bucket, one.key) == one.stored.size_bytes:
            return None
        return await self._put(one) or await self._prove(one)

    async def _put(self, one: Named) -> Fault | None:
        content = checked(self.source, one.bucket, one.key, one.stored)
        try:
            async with aclosing(content):
                await self.target.put(one.bucket, one.key, content)
        except NotFound:
            return Fault.MISSING
        except Damaged:
            return Fault.DAMAGED
        return None

    async def _prove(self, one: Named) -> Fault | None:
        if await self._arrived(one):
            return None
        fault = await self._put(one)
        return fault or (None if await self._arrived(one) else Fault.NOT_KEPT)

    async def _arrived(self, one: Named) -> bool:
        try:
            async with aclosing(checked(self.target, one.bucket, one.key, one.stored)) as content:
                async for _piece in content:
                    pass
        except (NotFound, Damaged):
            return False
        return True


async def _each(
    objects: Sequence[Named], work: Callable[[Named], Awaitable[Fault | None]], move: Move
) -> list[Broken]:
    broken: list[Broken] = []
    done = itertools.count(1)

    async def one_by_one(one: Named) -> None:
        if fault := await work(one):
            broken.append(Broken(one, fault))
        move(next(done))

    await for_each(objects, one_by_one)
    return broken


async def _measured(storage: Storage, bucket: Bucket, key: str) -> Stored | None:
    sha256, size_bytes = hashlib.sha256(), 0
    try:
        async for piece in storage.get(bucket, key):
            sha256.update(piece)
            size_bytes += len(piece)
    except NotFound:
        return None
    return Stored(size_bytes, sha256.hexdigest())
