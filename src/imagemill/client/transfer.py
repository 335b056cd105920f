"""Bytes on their way in and out: in pieces, counted, checked, and written all or nothing."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from imagemill.client.answers import Output
from imagemill.client.problems import DamagedError

PIECE_BYTES = 1 << 18
"""Read and sent at once: large enough that a 2 MB picture costs 8 hops between threads."""

Progress = Callable[[int], None]
"""Told after each piece how many bytes went so far."""


@dataclass(frozen=True, slots=True)
class Body:
    """A picture to send."""

    pieces: Callable[[], AsyncIterator[bytes]]
    """Start reading; each call starts from the first byte."""
    size_bytes: int | None
    """Length, for the server to refuse early; None for a stream that does not know."""
    can_repeat: bool
    """Whether `pieces` may be called again, for another try."""


async def body_of(picture: Path | bytes | AsyncIterable[bytes]) -> Body:
    """Make a picture ready to be sent; a path is opened only when it is read."""
    if isinstance(picture, bytes):
        return Body(lambda: _from_memory(picture), len(picture), can_repeat=True)
    if isinstance(picture, Path):
        size_bytes = (await asyncio.to_thread(picture.stat)).st_size
        return Body(lambda: _from_file(picture), size_bytes, can_repeat=True)
    return Body(picture.__aiter__, None, can_repeat=False)


async def counted(pieces: AsyncIterable[bytes], progress: Progress | None) -> AsyncIterator[bytes]:
    """Pass pieces on, telling how many bytes went."""
    sent = 0
    async for piece in pieces:
        yield piece
        sent += len(piece)
        if progress:
            progress(sent)


async def write_whole(
    pieces: AsyncIterable[bytes], to: Path, *, expected: Output | None, overwrite: bool
) -> None:
    """Write a file that appears complete or not at all.

    Raises `FileExistsError` when it is there and may not be replaced, and `DamagedError` when the
    bytes are not the expected ones. The folder is made where it is missing.
    """
    await asyncio.to_thread(to.parent.mkdir, parents=True, exist_ok=True)
    draft = await asyncio.to_thread(_draft_beside, to)
    try:
        with draft:
            await _checked_copy(pieces, draft, expected)
        await asyncio.to_thread(_publish, Path(draft.name), to, overwrite=overwrite)
    finally:
        await asyncio.to_thread(Path(draft.name).unlink, missing_ok=True)


async def _from_memory(whole: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(whole), PIECE_BYTES):
        yield whole[start : start + PIECE_BYTES]


async def _from_file(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    with file:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece


def _draft_beside(to: Path) -> IO[bytes]:
    # In the same folder, because a rename is atomic only within one file system.
    return tempfile.NamedTemporaryFile(
        dir=to.parent, prefix=f".{to.name}.", suffix=".part", delete=False
    )


async def _checked_copy(
    pieces: AsyncIterable[bytes], draft: IO[bytes], expected: Output | None
) -> None:
    digest = hashlib.sha256()
    async for piece in pieces:
        digest.update(piece)
        await asyncio.to_thread(draft.write, piece)
    if expected and digest.hexdigest() != expected.sha256:
        raise DamagedError(f"What arrived from {expected.url} is damaged; fetch it again.")


def _publish(draft: Path, to: Path, *, overwrite: bool) -> None:
    draft.chmod(0o666 & ~_umask())
    if overwrite:
        draft.replace(to)
    else:
        # A rename would replace silently; a link refuses when the name is taken.
        to.hardlink_to(draft)


def _umask() -> int:
    # The kernel has no way to ask but to set. Drafts are private (600); results are ordinary files.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
