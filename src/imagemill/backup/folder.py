"""The folder that a backup lies in: what it may be, who holds it, and what is left over in it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from imagemill.backup import files, manifest
from imagemill.backup.manifest import Manifest
from imagemill.errors import Conflict, InvalidRequest

MARK: Final = "imagemill-backup.txt"
_SAID: Final = b"""\
This folder is a backup that `imagemill backup` made. It is finished when it has a manifest.json.
Look at it with `imagemill backup --check`, and go back to it with `imagemill restore`.
It holds keys and pictures: whoever can read it can read them.
"""


@dataclass(frozen=True, slots=True)
class BackupFolder:
    """One backup on a disk."""

    path: Path

    @property
    def objects(self) -> Path:
        """Folder of the objects, in the form of the storage."""
        return self.path / "objects"

    @contextmanager
    def held_for_writing(self, data: Path) -> Iterator[None]:
        """Make the folder where there is none, mark it, and keep all others out for a block.

        Raises `InvalidRequest` for a folder within the data folder, `Conflict` for one that holds
        something else or is in use, and `Unavailable` for one that cannot be written.
        """
        self._refuse_within(data)
        with files.written_to(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._mark()
        with self._locked(fcntl.LOCK_EX):
            yield

    @contextmanager
    def held_for_reading(self) -> Iterator[Manifest]:
        """Give the manifest, and let nobody change the backup for a block.

        Raises `Conflict` when this is no finished backup, or one that is being written.
        """
        try:
            text = (self.path / manifest.NAME).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            raise Conflict(
                f"{self.path} is not a finished backup: it has no {manifest.NAME}. "
                "Name another folder, or finish it with `imagemill backup`."
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise Conflict(f"The {manifest.NAME} in {self.path} cannot be read.") from error
        with self._locked(fcntl.LOCK_SH):
            yield manifest.read(text)

    def databases_before(self) -> frozenset[str]:
        """Name the databases of the backup that lies here; none where there is no sound one."""
        try:
            before = manifest.read((self.path / manifest.NAME).read_text(encoding="utf-8"))
        except (FileNotFoundError, UnicodeDecodeError, Conflict):
            return frozenset()
        return frozenset(each.name for each in before.databases)

    def finish(self, written: Manifest) -> None:
        """Put the manifest in place, which makes this the backup, and drop what it does not name.

        What was left over by runs that did not end is dropped too.
        """
        with files.written_to(self.path):
            content = f"{written.model_dump_json(indent=1)}\n".encode()
            files.write(self.path / manifest.NAME, content)
            self._drop_all_but(written)

    def _drop_all_but(self, written: Manifest) -> None:
        for state in (self.path / "state").iterdir():
            if state.name != written.state:
                shutil.rmtree(state)
        named = {f"{each.bucket}/{each.copy_key}" for each in written.objects}
        for path in self._object_files():
            if path.relative_to(self.objects).as_posix() not in named:
                path.unlink()

    def _object_files(self) -> list[Path]:
        return [each for each in self.objects.rglob("*") if each.is_file()]

    def _refuse_within(self, data: Path) -> None:
        if self.path.resolve().is_relative_to(data.resolve()):
            raise InvalidRequest(
                f"{self.path} lies within the data folder {data}; a backup belongs on another "
                "disk, or at least in another folder."
            )

    def _mark(self) -> None:
        mark = self.path / MARK
        if mark.exists():
            return
        if any(self.path.iterdir()):
            raise Conflict(
                f"{self.path} holds something that is no backup; name an empty or a new folder."
            )
        files.write(mark, _SAID)

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        try:
            descriptor = os.open(self.path / MARK, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Conflict(
                f"{self.path / MARK} cannot be read ({error.strerror}); copy it with the backup."
            ) from error
        try:
            self._lock(descriptor, kind)
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int, kind: int) -> None:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"{self.path} is in use by another backup or restore; start again when that has "
                "ended."
            ) from None
