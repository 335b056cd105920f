"""The two ends of a transfer: what is read, and what is filled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from imagemill.backup.places import objects_folder
from imagemill.database import Database, Unit
from imagemill.storage import Bucket, Storage

T = TypeVar("T")


class Readable(Protocol):
    """A database that is only looked at."""

    async def read(self, unit: Unit[T]) -> T:
        """Run a unit that only reads."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """An installation in a data folder; nothing in it is changed."""

    data: Path
    databases: Mapping[str, Readable]
    """The databases that are there, by name."""
    objects: Storage

    def there(self) -> Iterator[tuple[Bucket, str]]:
        """Walk over all objects that lie in the folder, whether a row names them or not."""
        for bucket in Bucket:
            root = objects_folder(self.data) / bucket
            for path in root.rglob("*"):
                if path.is_file() and not path.name.startswith("."):
                    yield bucket, path.relative_to(root).as_posix()


@dataclass(frozen=True, slots=True)
class Target:
    """The engines that the settings name."""

    databases: Mapping[str, Database]
    """Those that are filled; rows that stay in the database that they are in have none."""
    objects: Storage | None
    """None where the objects stay in the storage that they are in."""
