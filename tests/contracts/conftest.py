"""Every adapter of every port, ready for the suite that the port's adapters must pass.

An adapter that is not listed here has no promise to keep.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagemill.breaker import Breaker, BreakerSettings
from imagemill.cache.memory import MemoryCache
from imagemill.database import Database
from imagemill.database.sqlite import SQLiteDatabase
from imagemill.queue.sql import SQLQueue
from imagemill.signing import UrlSigner
from imagemill.storage import Storage
from imagemill.storage.guarded import GuardedStorage
from imagemill.storage.local import Links, LocalStorage

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


@pytest.fixture(params=["sqlite", "sqlite, unsynced"])
async def database(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    opened = SQLiteDatabase(tmp_path / "test.sqlite", synced="unsynced" not in request.param)
    yield opened
    await opened.close()


@pytest.fixture(params=["local", "local, unsynced", "guarded"])
async def storage(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Storage]:
    sync = unsynced if "unsynced" in request.param else os.fsync
    links = Links(UrlSigner({"k1": b"u" * 32}, time.time), "http://127.0.0.1:8000", "/stored")
    opened = LocalStorage(tmp_path / "objects", sync=sync, links=lambda: links)
    yield guarded(opened) if request.param == "guarded" else opened
    await opened.close()


@pytest.fixture
def killed_writer(storage: LocalStorage, tmp_path: Path) -> None:
    """Leave behind what a process leaves that is killed while it writes an object."""
    command = [sys.executable, "-c", KILLED_WRITER, str(tmp_path / "objects")]
    done = subprocess.run(command, check=False, timeout=30, stdout=subprocess.DEVNULL)
    assert done.returncode < 0


def guarded(storage: Storage) -> GuardedStorage:
    reading, writing = (Breaker(name, BreakerSettings()) for name in ("reading", "writing"))
    return GuardedStorage(storage, reading=reading, writing=writing)


def unsynced(_: int) -> None:
    """Leave it to the kernel when a file reaches the disk."""


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
