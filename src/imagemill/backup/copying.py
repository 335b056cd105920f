"""Make a backup while the system runs: databases, the objects they name, keys, manifest."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from pathlib import Path

from imagemill.backup import files, records, report
from imagemill.backup.folder import BackupFolder
from imagemill.backup.lock import pausing_removal
from imagemill.backup.manifest import Address, File, Kept, Manifest
from imagemill.backup.objects import Damaged, checked, for_each
from imagemill.backup.places import DATABASES, KEYS, OpenStorage, Source
from imagemill.backup.records import NAMING, Named
from imagemill.backup.report import Part, Report, Tell
from imagemill.errors import Conflict, NotFound
from imagemill.storage import Bucket


class Outcome(Enum):
    """What became of one object."""

    HELD = auto()
    """Its bytes lay in the backup already."""
    COPIED = auto()
    ABSENT = auto()
    """It is not there, or is not what it was."""


@dataclass(slots=True)
class _Tally:
    """Objects by what became of them; this alone changes while objects are copied."""

    of: dict[Outcome, list[Named]] = field(
        default_factory=lambda: {outcome: [] for outcome in Outcome}
    )


@dataclass(frozen=True, slots=True)
class Backup:
    """One run from a data folder that is in use into a folder of its own."""

    source: Source
    folder: BackupFolder
    tell: Tell
    now: Callable[[], datetime]
    """An aware time."""
    new_id: Callable[[], str]

    async def make(self) -> Report:
        """Copy everything, and say what was copied and what could not be.

        Nothing is removed from the source meanwhile by whoever asks the lock. A run that fails or
        is killed leaves the backup before it as it was. Raises `InvalidRequest` or `Conflict` for
        a folder that cannot be one, `Conflict` for a database that is damaged or gone, and
        `Unavailable` when the disk is full.
        """
        with self.folder.held_for_writing(self.source.data):
            self._refuse_lost_databases()
            async with pausing_removal(self.source.data), self._state() as (state, path):
                made_at = self.now()
                databases = await self._copy_databases(path / "databases")
                tally = await self._copy_objects(await self._named(path / "databases"))
                written = Manifest(
                    made_at=made_at,
                    state=state,
                    databases=databases,
                    keys=self._copy_keys(path / "keys"),
                    objects=_kept(tally.of[Outcome.HELD] + tally.of[Outcome.COPIED]),
                    missing=_addresses(tally.of[Outcome.ABSENT]),
                )
                await asyncio.to_thread(self.folder.finish, written)
                return await self._report(written, tally)

    def _refuse_lost_databases(self) -> None:
        """Keep the last copy of what is gone: this backup would drop it with all that it names."""
        lost = sorted(self.folder.databases_before() - self.source.databases.keys())
        if lost:
            raise Conflict(
                f"{self.folder.path} holds the database {lost[0]}, which is not in "
                f"{self.source.data} any more; restore it, or back up into another folder."
            )

    @asynccontextmanager
    async def _state(self) -> AsyncIterator[tuple[str, Path]]:
        """Make the folder for this run's databases and keys; remove it if the run fails."""
        state = f"{self.now():%Y%m%dT%H%M%S}-{self.new_id()}"
        path = self.folder.path / "state" / state
        with files.written_to(self.folder.path):
            for name in ("databases", "keys"):
                (path / name).mkdir(parents=True)
        try:
            yield state, path
        except BaseException:
            shutil.rmtree(path)
            raise

    async def _copy_databases(self, folder: Path) -> tuple[File, ...]:
        names = [each for each in DATABASES if each in self.source.databases]
        self.tell(f"Copying the databases: {', '.join(names)}.")
        return tuple([await self._copy_database(name, folder) for name in names])

    async def _copy_database(self, name: str, folder: Path) -> File:
        path = folder / f"{name}.sqlite"
        with files.written_to(self.folder.path, f"The database {name} cannot be copied"):
            await self.source.databases[name].copy_to(path)
        if fault := await self.source.adapters.copy(path).fault():
            raise Conflict(f"The database {name} is damaged ({fault}); go back to an older backup.")
        return await asyncio.to_thread(_file, name, path)

    async def _named(self, folder: Path) -> list[Named]:
        """Ask the copies, not the databases: these go on meanwhile."""
        found: list[Named] = []
        for name, naming in NAMING.items():
            if name in self.source.databases:
                copy = self.source.adapters.copy(folder / f"{name}.sqlite")
                found += await copy.read(naming)
        return found

    async def _copy_objects(self, named: Sequence[Named]) -> _Tally:
        tally = _Tally()
        with files.written_to(self.folder.path):
            target = self.source.adapters.storage(self.folder.objects)
        try:
            new = await self._sort_out(named, target, tally)
            self.tell(f"Copying objects: {len(new)} new of {len(named)}.")

            async def copy(one: Named) -> None:
                tally.of[await self._copy_object(one, target)].append(one)

            await for_each(new, copy)
        finally:
            await target.close()
        return tally

    async def _sort_out(
        self, named: Sequence[Named], target: OpenStorage, tally: _Tally
    ) -> list[Named]:
        """List what the backup lacks; what it holds is found by its digest, and not read again."""
        new: list[Named] = []
        for one in named:
            size_bytes = await target.size(one.bucket, _kept_one(one).copy_key)
            is_held = size_bytes == one.stored.size_bytes
            (tally.of[Outcome.HELD] if is_held else new).append(one)
        return new

    async def _copy_object(self, one: Named, target: OpenStorage) -> Outcome:
        content = checked(self.source.objects, one.bucket, one.key, one.stored)
        try:
            async with aclosing(content):
                with files.written_to(self.folder.path):
                    await target.put(one.bucket, _kept_one(one).copy_key, content)
        except (NotFound, Damaged):
            return Outcome.ABSENT
        return Outcome.COPIED

    def _copy_keys(self, folder: Path) -> tuple[File, ...]:
        found = [name for name in KEYS if (self.source.data / name).is_file()]
        with files.written_to(self.folder.path):
            for name in found:
                files.write(folder / name, (self.source.data / name).read_bytes())
        return tuple(_file(name, folder / name) for name in found)

    async def _report(self, written: Manifest, tally: _Tally) -> Report:
        absent = tally.of[Outcome.ABSENT]
        lost = await self._lost([each.image_id for each in absent if each.image_id])
        return Report(
            manifest=written,
            new=tuple(_new(tally.of[Outcome.COPIED])),
            gone=len(absent) - len(lost),
            lost=tuple(lost),
        )

    async def _lost(self, image_ids: Sequence[str]) -> list[str]:
        """Leave out the images that their owners removed while objects were copied."""
        if not image_ids:
            return []
        images = self.source.databases["images"]
        return await images.read(lambda each: records.still_there(each, image_ids))


def _new(copied: Sequence[Named]) -> Iterable[Part]:
    for bucket in Bucket:
        sizes = (each.stored.size_bytes for each in copied if each.bucket is bucket)
        yield report.part(bucket, sizes)


def _file(name: str, path: Path) -> File:
    found = files.measured(path)
    return File(name=name, size_bytes=found.size_bytes, sha256=found.sha256)


def _kept_one(one: Named) -> Kept:
    return Kept(
        bucket=one.bucket,
        key=one.key,
        size_bytes=one.stored.size_bytes,
        sha256=one.stored.sha256,
    )


def _kept(found: Iterable[Named]) -> tuple[Kept, ...]:
    return tuple(map(_kept_one, sorted(found, key=lambda each: (each.bucket, each.key))))


def _addresses(found: Iterable[Named]) -> tuple[Address, ...]:
    return tuple(Address(bucket=each.bucket, key=each.key) for each in found)
