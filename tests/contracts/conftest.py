"""Every adapter of every port, ready for the suite that the port's adapters must pass.

An adapter that is not listed here has no promise to keep.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagemill.cache.memory import MemoryCache
from imagemill.database import Database
from imagemill.database.sqlite import SQLiteDatabase
from imagemill.queue.sql import SQLQueue
from imagemill.storage.local import LocalStorage

KILLED_WRITER = """
import asyncio, sys
from pathlib import Path
from imagemill.faults import Faults
from imagemill.storage import Bucket
from imagemill.storage.local import LocalStorage

async def pieces():
    for _ in range(3):
        yield b"x" * 1_000_000

faults = Faults.read("half_written:kill", are_allowed=True)
storage = LocalStorage(Path(sys.argv[1]), faults=faults)
asyncio.run(storage.put(Bucket.RESULTS, "ab/half", pieces()))
"""
"""A program that is killed while it writes an object."""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite"])
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = SQLiteDatabase(tmp_path / "test.sqlite")
    yield opened
    await opened.close()


@pytest.fixture(params=["local"])
async def storage(tmp_path: Path) -> AsyncIterator[LocalStorage]:
    opened = LocalStorage(tmp_path / "objects")
    yield opened
    await opened.close()


@pytest.fixture
def killed_writer(storage: LocalStorage, tmp_path: Path) -> None:
    """Leave behind what a process leaves that is killed while it writes an object."""
    command = [sys.executable, "-c", KILLED_WRITER, str(tmp_path / "objects")]
    done = subprocess.run(command, check=False, timeout=30, stdout=subprocess.DEVNULL)
    assert done.returncode < 0


@pytest.fixture(params=["sql on sqlite"])
async def queue(tmp_path: Path) -> AsyncIterator[SQLQueue]:
    database = SQLiteDatabase(tmp_path / "queue.sqlite")
    opened = SQLQueue(database, lease_s=0.3)
    await opened.start()
    yield opened
    await opened.close()
    await database.close()


@pytest.fixture(params=["memory"])
def cache(clock: Clock) -> MemoryCache:
    return MemoryCache(clock, entries=3)
