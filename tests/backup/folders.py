"""Data folders with databases and objects in them, made without any service."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from imagemill import assembly, keys
from imagemill.backup.copying import Backup
from imagemill.backup.folder import BackupFolder
from imagemill.backup.manifest import Manifest
from imagemill.backup.report import Report, Tell
from imagemill.backup.restoring import Restore
from imagemill.settings import Settings

_IMAGE = """
INSERT INTO images (id, owner, sha256, storage_key, size_bytes, facts, created_at)
VALUES (?, 'admin', ?, ?, ?, '{}', 0)
"""
_RESULT = "INSERT INTO results VALUES (?, ?, 'png', 'image/png', 1, 1, 1, ?, ?, 1, 0)"


def unheard(_: str) -> None:
    """Hear what is done next, and do nothing."""


@dataclass
class Data:
    """A data folder."""

    path: Path
    images: dict[str, Path] = field(default_factory=dict)
    """Files of originals by the ids of their images."""

    def add_image(self, content: bytes) -> str:
        """Keep an original as the uploads service does; answer the image's id."""
        image_id = secrets.token_hex(8)
        key = f"{image_id[:2]}/{image_id}"
        self.images[image_id] = self._store("originals", key, content)
        self.execute("images", _IMAGE, image_id, sha256(content), key, len(content))
        return image_id

    def add_result(self, content: bytes) -> Path:
        """Keep a result as worker and jobs service do; answer its file."""
        key = f"{secrets.token_hex(1)}/{secrets.token_hex(8)}-1"
        path = self._store("results", key, content)
        self.execute("jobs", _RESULT, key, key, len(content), sha256(content))
        return path

    def execute(self, database: str, statement: str, *values: object) -> None:
        """Change a database from outside."""
        with closing(self.connect(database)) as opened, opened:
            opened.execute(statement, values)

    def connect(self, database: str) -> sqlite3.Connection:
        """Open a database beside whatever else uses it; the caller closes it."""
        return sqlite3.connect(self.path / "databases" / f"{database}.sqlite")

    def _store(self, bucket: str, key: str, content: bytes) -> Path:
        path = self.path / "objects" / bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


def made(path: Path) -> Data:
    """Make a data folder with two originals, a result and the keys."""
    asyncio.run(assembly.migrate(Settings.load({}, data=path)))
    for name in ("admin-key", "service-key"):
        keys.read_or_make(path / name)
    data = Data(path)
    data.add_image(b"first" * 1000)
    data.add_image(b"second" * 1000)
    data.add_result(b"result" * 1000)
    return data


def backed_up(data: Data, folder: Path, tell: Tell = unheard) -> Report:
    """Make a backup within this process."""

    async def make() -> Report:
        async with assembly.backup_source(Settings.load({}, data=data.path)) as source:
            return await Backup(
                source=source,
                folder=BackupFolder(folder),
                tell=tell,
                now=lambda: datetime.now(UTC),
                new_id=lambda: secrets.token_hex(4),
            ).make()

    return asyncio.run(make())


def checked(folder: Path) -> Manifest:
    """Verify a backup within this process."""
    return asyncio.run(Restore(BackupFolder(folder), assembly.BACKUP, unheard).check())


def restored(folder: Path, data: Path) -> Manifest:
    """Restore a backup within this process."""
    return asyncio.run(Restore(BackupFolder(folder), assembly.BACKUP, unheard).into(data))


def files(folder: Path) -> dict[str, bytes]:
    """Read every file below a folder."""
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in folder.rglob("*")
        if each.is_file()
    }


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def sha256(content: bytes) -> str:
    """Give the digest by which objects are known."""
    return hashlib.sha256(content).hexdigest()
