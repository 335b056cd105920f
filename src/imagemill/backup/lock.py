"""The lock that keeps objects where they are while a backup copies them.

A `flock` on a file in the data folder: removers hold it together, a backup holds it alone. The
kernel lets go of it when its holder dies, so nothing is ever left locked.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from imagemill.errors import Conflict, Unavailable

LOCK: Final = "backup.lock"
WAIT_S: Final = 30.0
"""How long a backup waits for removals under way; each is a matter of milliseconds."""
_LOOK_EVERY_S: Final = 0.05


def is_running(data: Path) -> bool:
    """Tell whether a backup of this data folder is being made now.

    The answer may be old when it arrives; who goes on to remove something uses `removing`.
    """
    if not (data / LOCK).exists():
        return False
    with removing(data) as is_allowed:
        return not is_allowed


@contextmanager
def removing(data: Path) -> Iterator[bool]:
    """Tell, for a block, whether objects may be removed; no backup begins before the block ends.

    Blocks of several processes may overlap. Keep them short: a backup waits for `WAIT_S` at most.
    Raises `Unavailable` when the lock cannot be opened.
    """
    with _opened(data) as descriptor:
        yield _is_locked(descriptor, fcntl.LOCK_SH)


@asynccontextmanager
async def pausing_removal(data: Path, *, within_s: float = WAIT_S) -> AsyncIterator[None]:
    """Keep every object in place for a block.

    Raises `Conflict` when another backup, or a removal that does not end, holds the lock.
    """
    with _opened(data) as descriptor:
        await _hold(descriptor, data, within_s)
        yield


async def _hold(descriptor: int, data: Path, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            while not _is_locked(descriptor, fcntl.LOCK_EX):  # noqa: ASYNC110 - locks ring no bell
                await asyncio.sleep(_LOOK_EVERY_S)
    except TimeoutError:
        raise Conflict(
            f"Another backup of {data} is running; start this one when that one has ended."
        ) from None


@contextmanager
def _opened(data: Path) -> Iterator[int]:
    try:
        # Others may read it, and reading is enough to lock: who made it does not matter.
        descriptor = os.open(data / LOCK, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise Unavailable(
            f"{data / LOCK} cannot be opened ({error.strerror}); "
            "work as the user that runs the services."
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
