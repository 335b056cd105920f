"""What a backup says of itself: every file in it, and what could not be copied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from imagemill import __version__
from imagemill.errors import Conflict
from imagemill.storage import Bucket, Stored

NAME: Final = "manifest.json"
FORMAT: Final = 1
_SHA256: Final = r"^[0-9a-f]{64}$"
# A restore makes paths of names and keys: no dots, no empty part, nothing absolute.
_WORD: Final = r"^[A-Za-z0-9_-]+$"
_KEY: Final = r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class File(_Part):
    """A database or a key, as it lies in the state of this backup."""

    name: str = Field(pattern=_WORD)
    size_bytes: int = Field(ge=0)
    sha256: str = Field(pattern=_SHA256)


class Address(_Part):
    """Where the storage keeps an object."""

    bucket: Bucket
    key: str = Field(pattern=_KEY)


class Kept(Address):
    """An object of this backup."""

    size_bytes: int = Field(ge=0)
    sha256: str = Field(pattern=_SHA256)

    @property
    def stored(self) -> Stored:
        """What its bytes must be."""
        return Stored(self.size_bytes, self.sha256)

    @property
    def copy_key(self) -> str:
        """Key under which the backup keeps it: equal bytes have one copy."""
        return f"{self.sha256[:2]}/{self.sha256}"


class Manifest(_Part):
    """All of one backup."""

    format: Literal[1] = FORMAT
    version: str = __version__
    """The Imagemill that made it."""
    made_at: AwareDatetime
    """When the databases began to be copied."""
    state: str = Field(pattern=_WORD)
    """Name of the folder with the databases and keys."""
    databases: tuple[File, ...]
    keys: tuple[File, ...]
    objects: tuple[Kept, ...]
    missing: tuple[Address, ...]
    """Objects that the databases name and that were not there, or not whole, to be copied."""

    def files(self) -> Iterator[tuple[PurePosixPath, File]]:
        """List what is no object, each with its place in the backup."""
        for database in self.databases:
            yield self.folder / "databases" / f"{database.name}.sqlite", database
        for key in self.keys:
            yield self.folder / "keys" / key.name, key

    @property
    def folder(self) -> PurePosixPath:
        """Place of databases and keys in the backup."""
        return PurePosixPath("state", self.state)


def read(text: str) -> Manifest:
    """Read a manifest; raises `Conflict` for what is none that this version understands."""
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(each) for each in first["loc"])
        raise Conflict(
            f"The {NAME} of this backup is not one that Imagemill {__version__} reads "
            f"({where}: {first['msg']}); it is damaged, or a newer version made it."
        ) from error
