"""Where a data folder keeps what, and the ports through which a backup reaches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

from imagemill.database import Unit
from imagemill.storage import Storage

T = TypeVar("T")

DATABASES: Final = ("notifications", "jobs", "images", "users")
"""Databases in the order in which they are copied: what one names is in those after it.

The notifier's place in the log of events must not be ahead of the log, or events would go untold;
a job names an image, and both name an account. The queue is not among them: what it held is
published again from the jobs database.
"""
KEYS: Final = ("admin-key", "service-key", "token-keys", "url-keys")
"""Files with the keys that the first start makes, those of rings among them."""


def database_file(data: Path, name: str) -> Path:
    """Say where a database lies."""
    return data / "databases" / f"{name}.sqlite"


def objects_folder(data: Path) -> Path:
    """Say where the objects lie."""
    return data / "objects"


class LiveDatabase(Protocol):
    """A database that others write to meanwhile."""

    async def copy_to(self, path: Path) -> None:
        """Write one moment of the database into a new file, mode 600, durably.

        Raises `Unavailable` when it cannot be read, or the copy not be written.
        """
        ...

    async def read(self, unit: Unit[T]) -> T:
        """Run a unit that only reads."""
        ...


class DatabaseCopy(Protocol):
    """A database file that nobody writes to; looking at it leaves it as it is."""

    async def read(self, unit: Unit[T]) -> T:
        """Run a unit that only reads; raises `Unavailable` for a file that is no database."""
        ...

    async def fault(self) -> str:
        """Check the whole file; answer what is wrong with it, nothing when it is sound."""
        ...


class OpenStorage(Storage, Protocol):
    """A storage that is closed after use."""

    async def close(self) -> None:
        """Finish what was begun and let go of everything."""
        ...


@dataclass(frozen=True, slots=True)
class Adapters:
    """How files become storages and databases."""

    storage: Callable[[Path], OpenStorage]
    """Opens the objects below a folder."""
    copy: Callable[[Path], DatabaseCopy]
    """Opens a database file at rest."""


@dataclass(frozen=True, slots=True)
class Source:
    """A data folder that is copied while it is in use."""

    data: Path
    databases: Mapping[str, LiveDatabase]
    """The databases that are there, by name."""
    objects: Storage
    adapters: Adapters
