"""The locks of a data folder: what is removed while a backup copies, and who uses it at all.

Each is a `flock` on a file in the folder. Removers hold the first together, a backup holds it
alone; servers hold the second together, a transfer holds it alone. The kernel lets go of them when
their holder dies, so nothing is ever left locked.
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
SERVING: Final = "serving.lock"
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


@contextmanager
def serving(data: Path) -> Iterator[None]:
    """Say for a block that a server uses the folder.

    Raises `Conflict` while it is being transferred, `Unavailable` when it cannot be locked.
    """
    with _opened(data, SERVING) as descriptor:
        if not _is_locked(descriptor, fcntl.LOCK_SH):
            raise Conflict(f"{data} is being transferred; start again when that has ended.")
        yield


@contextmanager
def at_rest(data: Path) -> Iterator[None]:
    """Keep all servers and other transfers away from the folder for a block.

    Raises `Conflict` while somebody uses it.
    """
    with _opened(data, SERVING) as descriptor:
        if not _is_locked(descriptor, fcntl.LOCK_EX):
            raise Conflict(
                f"{data} is in use by a server or another transfer; stop that and start again."
            )
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
def _opened(data: Path, name: str = LOCK) -> Iterator[int]:
    try:
        # Others may read it, and reading is enough to lock: who made it does not matter.
        descriptor = os.open(data / name, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise Unavailable(
            f"{data / name} cannot be opened ({error.strerror}); "
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
