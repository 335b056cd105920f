"""The storage port: whole objects under a key, written atomically from a stream."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Bucket(StrEnum):
    """Where an object lives; originals and results have separate policies and lifetimes."""

    ORIGINALS = "originals"
    RESULTS = "results"


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written: enough to notice later that it is no longer the same."""

    size_bytes: int
    sha256: str
    """Lower-case hexadecimal digest of the bytes."""


class Storage(Protocol):
    """Objects that are there whole or not at all.

    Keys are made by Imagemill (letters, digits, `/`, `-`), never by a user.
    """

    async def put(self, bucket: Bucket, key: str, content: AsyncIterable[bytes]) -> Stored:
        """Write an object from a stream, durably, replacing one of the same key.

        When the stream raises, nothing is left behind and the error goes on to the caller. Raises
        `Unavailable` when there is no room or no connection.
        """
        ...

    def get(
        self, bucket: Bucket, key: str, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """Stream an object, or its bytes from `start` up to `end` (exclusive).

        Raises `NotFound` at the first piece when there is no such object.
        """
        ...

    async def open(self, bucket: Bucket, key: str) -> int:
        """Give a read-only, seekable file descriptor of the object, which the caller closes.

        Raises `NotFound`.
        """
        ...

    async def size(self, bucket: Bucket, key: str) -> int | None:
        """Tell how many bytes an object has; None when there is no such object."""
        ...

    async def delete(self, bucket: Bucket, key: str) -> None:
        """Remove an object; removing what is not there is no error."""
        ...

    async def check(self) -> None:
        """Raise `Unavailable` when objects cannot be written now."""
        ...
