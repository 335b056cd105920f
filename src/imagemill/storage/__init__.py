"""The storage port: whole objects under a key, written atomically from a stream."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, Protocol

from imagemill.errors import IntegrityLost

_HASHED_HERE_BYTES: Final = 64 << 10
"""Hashing so much takes 0.04 ms, about what a hop to a thread costs."""


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


@dataclass(frozen=True, slots=True)
class Wish:
    """What a signed URL is to allow."""

    method: Literal["GET", "PUT"]
    seconds: int
    """How long the URL opens, counted from when it is signed; `signing.LONGEST_S` at most."""
    content_type: str | None = None
    """`Content-Type` that a PUT has to send; None leaves it open."""
    max_bytes: int | None = None
    """Most bytes of a PUT; None for GET."""
    size_bytes: int | None = None
    """How many bytes a PUT has to bring, where that is known before. A storage that can hold it to
    so many does; `max_bytes` is the same number then."""


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """A URL that does one thing for whoever has it, until its time is over."""

    method: Literal["GET", "PUT"]
    url: str
    headers: Mapping[str, str]
    """Headers that the request has to carry as they stand here."""
    expires_at: float
    """Seconds since 1970, UTC."""
    max_bytes: int | None
    """Most bytes that a PUT may bring. Who records an object measures it all the same: not every
    storage can refuse a body while it arrives."""


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
        """Stream an object, or its bytes from `start` up to `end` (exclusive), unchecked.

        `checked` makes sure of a whole object. Raises `NotFound` at the first piece when there is
        no such object.
        """
        ...

    async def open(self, bucket: Bucket, key: str, *, sha256: str | None) -> int:
        """Give a read-only, seekable descriptor of the object, which the caller closes.

        All of it is read and compared with `sha256` before; None leaves it unchecked. Raises
        `NotFound`, and `IntegrityLost` when the bytes are not those that were written.
        """
        ...

    async def size(self, bucket: Bucket, key: str) -> int | None:
        """Tell how many bytes an object has; None when there is no such object."""
        ...

    async def delete(self, bucket: Bucket, key: str) -> None:
        """Remove an object; removing what is not there is no error."""
        ...

    async def sign(self, bucket: Bucket, key: str, wish: Wish) -> SignedUrl:
        """Give a URL with which anybody may read, or write, this one object for a while.

        The object need not be there. A PUT replaces it, as `put` does. A URL of one method opens
        no other, and after its time nothing. Raises `Unavailable` where nothing serves such URLs.
        """
        ...

    async def tidy(self, older_than_s: float) -> int:
        """Remove what writers that are gone left half written; tell how much of it there was.

        A writer counts as gone when it has written nothing for so many seconds, in this process
        or another one. Objects are never removed.
        """
        ...

    async def check(self) -> None:
        """Raise `Unavailable` when objects cannot be written now."""
        ...


async def checked(
    pieces: AsyncIterable[bytes], sha256: str, *, size_bytes: int | None = None
) -> AsyncIterator[bytes]:
    """Pass an object's pieces on, the last one only when all of them are what was written.

    Raises `IntegrityLost` in place of the last piece, so whoever waits for the end of the stream
    never takes a wrong object for a good one. Who goes by the length instead gives `size_bytes`:
    then an object that grew is stopped before that many bytes are out.
    """
    digest, read, held = hashlib.sha256(), 0, b""
    async for piece in pieces:
        read += len(piece)
        if size_bytes is not None and read > size_bytes:
            raise lost()
        if held:
            yield held
        await _fed(digest.update, piece)
        held = piece
    if digest.hexdigest() != sha256:
        raise lost()
    if held:
        yield held


def lost() -> IntegrityLost:
    """Make the error for an object whose bytes are not those that were written."""
    return IntegrityLost(
        "The stored bytes are no longer what was written, so they are not used. A result can be "
        "made again with `fresh`; an original must come from a backup."
    )


async def _fed(hashing: Callable[[bytes], None], piece: bytes) -> None:
    """Hash a piece, in a thread where it would hold everything else up."""
    if len(piece) <= _HASHED_HERE_BYTES:
        hashing(piece)
    else:
        await asyncio.to_thread(hashing, piece)
