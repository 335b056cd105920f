"""Files that are written whole and durably, and failures of disks in words."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from imagemill.errors import ImagemillError, Unavailable
from imagemill.storage import Stored

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def measured(path: Path) -> Stored:
    """Tell the size and digest of a file's bytes."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Stored(file.tell(), sha256)


def write(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all, replacing one of that name."""
    draft = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except BaseException:
        draft.unlink()
        raise
    sync_folder(path.parent)


def copy(source: Path, target: Path) -> None:
    """Copy a file to a new one that only its owner reads, durably."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with source.open("rb") as read, os.fdopen(descriptor, "wb") as written:
        shutil.copyfileobj(read, written)
        written.flush()
        os.fsync(written.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def written_to(folder: Path, what: str = "") -> Iterator[None]:
    """Say of a block that writes below a folder why it cannot, as `Unavailable`.

    `what` says what failed where it may be something else than the folder.
    """
    try:
        yield
    except OSError as error:
        raise unwritable(folder, error, what) from error
    except Unavailable as error:
        raise unwritable(folder, error.__cause__ or error, what) from error


def unwritable(folder: Path, reason: BaseException, what: str = "") -> Unavailable:
    """Say why nothing can be written below a folder, and what to do."""
    if isinstance(reason, OSError) and reason.errno in _NO_ROOM:
        return Unavailable(f"There is no room left in {folder}; make room and start again.")
    if isinstance(reason, OSError) and reason.strerror:
        return Unavailable(f"{folder} cannot be written: {reason.strerror}. Name another folder.")
    said = reason.message if isinstance(reason, ImagemillError) else str(reason)
    return Unavailable(f"{what or f'{folder} cannot be written'}: {said}")
