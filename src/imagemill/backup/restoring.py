"""Look at a backup, and make a data folder of it that is there whole or not at all."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from imagemill.backup import files
from imagemill.backup.folder import BackupFolder
from imagemill.backup.manifest import File, Kept, Manifest
from imagemill.backup.objects import Damaged, checked, for_each
from imagemill.backup.places import Adapters, database_file, objects_folder
from imagemill.backup.records import NAMING
from imagemill.backup.report import Tell
from imagemill.errors import Conflict, NotFound
from imagemill.storage import Stored

Take = Callable[[Kept, AsyncIterator[bytes]], Awaitable[None]]
"""Reads an object's bytes to their end."""
_SHOWN: Final = 3
"""Faults that are named; more of them say the same."""


@dataclass(frozen=True, slots=True)
class Restore:
    """The way back from one backup."""

    folder: BackupFolder
    adapters: Adapters
    tell: Tell

    async def check(self) -> Manifest:
        """Verify every file of the backup; raises `Conflict` naming what is damaged."""
        with self.folder.held_for_reading() as manifest:
            await self._check_files(manifest)
            await self._pass_objects(manifest, _read)
            return manifest

    async def into(self, data: Path) -> Manifest:
        """Make `data`, which is not there yet or empty, what it was when the backup was made.

        Every digest is checked on the way. Raises `Conflict` for a folder with something in it
        and for a damaged backup, `Unavailable` when the disk is full; then nothing is left behind.
        """
        _refuse_full(data)
        with self.folder.held_for_reading() as manifest, _drafted(data) as draft:
            await self._check_files(manifest)
            with files.written_to(data):
                await asyncio.to_thread(self._copy_files, manifest, draft)
                storage = self.adapters.storage(objects_folder(draft))

            async def put(kept: Kept, content: AsyncIterator[bytes]) -> None:
                with files.written_to(data):
                    await storage.put(kept.bucket, kept.key, content)

            try:
                await self._pass_objects(manifest, put)
            finally:
                await storage.close()
            _put_in_place(draft, data)
            return manifest

    async def _check_files(self, manifest: Manifest) -> None:
        """Check databases and keys, and that the manifest has all that the databases name."""
        self.tell(f"Checking {len(manifest.databases)} databases.")
        _refuse_damaged(await asyncio.to_thread(self._faulty_files, manifest))
        copies = {
            name: self.adapters.copy(self._database(manifest, name))
            for name in (each.name for each in manifest.databases)
        }
        faults = {name: await copy.fault() for name, copy in copies.items()}
        _refuse_damaged([f"database {name}: {fault}" for name, fault in faults.items() if fault])
        known = {(each.bucket, each.key) for each in (*manifest.objects, *manifest.missing)}
        for name, naming in NAMING.items():
            named = await copies[name].read(naming) if name in copies else []
            unknown = [each.key for each in named if (each.bucket, each.key) not in known]
            _refuse_damaged([f"{each} is not in the manifest" for each in unknown])

    def _faulty_files(self, manifest: Manifest) -> list[str]:
        return [
            f"{place} is not what was written"
            for place, file in manifest.files()
            if not _is_whole(self.folder.path / place, file)
        ]

    def _database(self, manifest: Manifest, name: str) -> Path:
        return self.folder.path / manifest.folder / "databases" / f"{name}.sqlite"

    def _copy_files(self, manifest: Manifest, draft: Path) -> None:
        (draft / "databases").mkdir()
        for database in manifest.databases:
            files.copy(self._database(manifest, database.name), database_file(draft, database.name))
        for key in manifest.keys:
            files.copy(self.folder.path / manifest.folder / "keys" / key.name, draft / key.name)

    async def _pass_objects(self, manifest: Manifest, take: Take) -> None:
        """Hand every object on, and refuse the backup in the end if one is not whole."""
        self.tell(f"Checking {len(manifest.objects)} objects.")
        source = self.adapters.storage(self.folder.objects)
        faults: list[str] = []

        async def hand_on(kept: Kept) -> None:
            async with aclosing(
                checked(source, kept.bucket, kept.copy_key, kept.stored)
            ) as content:
                try:
                    await take(kept, content)
                except (NotFound, Damaged) as error:
                    state = "missing" if isinstance(error, NotFound) else "damaged"
                    faults.append(f"objects/{kept.bucket}/{kept.copy_key} is {state}")

        try:
            await for_each(manifest.objects, hand_on)
        finally:
            await source.close()
        _refuse_damaged(faults)


async def _read(_: Kept, content: AsyncIterator[bytes]) -> None:
    async for _piece in content:
        pass


def _is_whole(path: Path, file: File) -> bool:
    try:
        return files.measured(path) == Stored(file.size_bytes, file.sha256)
    except OSError:
        return False


def _refuse_damaged(faults: Sequence[str]) -> None:
    if faults:
        more = f", and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise Conflict(
            f"The backup is damaged: {'; '.join(faults[:_SHOWN])}{more}. Take another one; or "
            "remove the damaged objects, and back up into this folder again."
        )


def _refuse_full(data: Path) -> None:
    if data.is_mount():
        raise Conflict(
            f"{data} is a mount point, and cannot be put in place in one move; name a folder in it."
        )
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise Conflict(f"{data} is not empty; a restore never overwrites. Name a new folder.")


@contextmanager
def _drafted(data: Path) -> Iterator[Path]:
    """Make a folder beside the one that is wanted; remove it if it was not put in place."""
    draft = data.absolute().with_name(f".{data.absolute().name}-{secrets.token_hex(4)}")
    with files.written_to(data):
        draft.mkdir(mode=0o700, parents=True)
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _put_in_place(draft: Path, data: Path) -> None:
    with files.written_to(data):
        for folder in (draft / "databases", draft):
            files.sync_folder(folder)
        draft.rename(data)
        files.sync_folder(data.absolute().parent)
