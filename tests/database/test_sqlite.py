"""What is SQLite's own affair."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from imagemill.database.sqlite import SQLiteCopy, SQLiteDatabase
from imagemill.errors import Unavailable

NORMAL, FULL = 1, 2
"""SQLite's numbers for a commit that leaves syncing to later, and for one that syncs."""


async def test_a_file_that_cannot_be_opened_is_unavailable_and_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "taken.sqlite").mkdir()
    database = SQLiteDatabase(tmp_path / "taken.sqlite")

    async with asyncio.timeout(10):
        with pytest.raises(Unavailable):
            await database.run(lambda each: each.execute("SELECT 1"))
        await database.close()


async def test_what_was_committed_survives_a_copy_taken_while_it_is_open(tmp_path: Path) -> None:
    database = SQLiteDatabase(tmp_path / "a.sqlite")
    await database.run(lambda each: each.execute("CREATE TABLE t (x INTEGER)"))
    await database.run(lambda each: each.execute("INSERT INTO t VALUES (1)"))

    with sqlite3.connect(tmp_path / "a.sqlite") as other:
        rows = other.execute("SELECT x FROM t").fetchall()
    other.close()
    await database.close()

    assert rows == [(1,)]


async def test_two_connections_to_one_new_file_do_not_quarrel(tmp_path: Path) -> None:
    databases = [SQLiteDatabase(tmp_path / "shared.sqlite") for _ in range(8)]

    async with asyncio.timeout(20):
        answers = await asyncio.gather(
            *(each.run(lambda c: c.execute("SELECT 1 AS one")) for each in databases)
        )
    for each in databases:
        await each.close()

    assert [rows[0]["one"] for rows in answers] == [1] * 8


@pytest.mark.parametrize(
    ("synced", "durable", "level"),
    [(True, True, FULL), (True, False, NORMAL), (False, True, NORMAL)],
)
async def test_a_commit_waits_for_the_disk_where_both_the_unit_and_the_database_want_it(
    tmp_path: Path, *, synced: bool, durable: bool, level: int
) -> None:
    database = SQLiteDatabase(tmp_path / "a.sqlite", synced=synced)

    rows = await database.run(lambda each: each.execute("PRAGMA synchronous"), durable=durable)
    await database.close()

    assert rows[0]["synchronous"] == level


@pytest.mark.slow
def test_what_is_not_synced_survives_the_end_of_the_process(tmp_path: Path) -> None:
    program = """
import asyncio, os, sys
from pathlib import Path
from imagemill.database.sqlite import SQLiteDatabase

async def write():
    database = SQLiteDatabase(Path(sys.argv[1]), synced=False)
    await database.run(lambda each: each.execute("CREATE TABLE t AS SELECT 7 AS x"))
    os.kill(os.getpid(), 9)

asyncio.run(write())
"""

    subprocess.run([sys.executable, "-c", program, tmp_path / "a.sqlite"], timeout=30, check=False)

    with contextlib.closing(sqlite3.connect(tmp_path / "a.sqlite")) as other:
        assert other.execute("SELECT x FROM t").fetchall() == [(7,)]


async def test_a_copy_holds_one_moment_while_others_write(tmp_path: Path) -> None:
    database, copy = SQLiteDatabase(tmp_path / "live.sqlite"), tmp_path / "copy.sqlite"
    await database.run(lambda each: each.execute("CREATE TABLE pairs (left, right)"))
    await database.run(lambda each: each.execute("INSERT INTO pairs VALUES (0, 0)"))
    copied = asyncio.Event()

    async def write() -> None:
        while not copied.is_set():
            await database.run(lambda each: each.execute("UPDATE pairs SET left = left + 1"))
            await database.run(lambda each: each.execute("UPDATE pairs SET right = left"))

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(write())
        await database.copy_to(copy)
        copied.set()
    await database.close()

    (row,) = await SQLiteCopy(copy).read(lambda each: each.execute("SELECT * FROM pairs"))
    assert row["left"] - row["right"] in {0, 1}
    assert await SQLiteCopy(copy).fault() == ""


async def test_a_copy_is_one_file_for_its_owner_alone(tmp_path: Path) -> None:
    database, folder = SQLiteDatabase(tmp_path / "live.sqlite"), tmp_path / "copies"
    folder.mkdir()
    await database.run(lambda each: each.execute("CREATE TABLE t (x INTEGER)"))

    await database.copy_to(folder / "copy.sqlite")
    await SQLiteCopy(folder / "copy.sqlite").fault()
    await database.close()

    assert [each.name for each in folder.iterdir()] == ["copy.sqlite"]
    assert (folder / "copy.sqlite").stat().st_mode & 0o777 == 0o600


async def test_a_copy_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "broken.sqlite").write_bytes(b"no database at all, and long enough" * 100)
    database = SQLiteDatabase(tmp_path / "broken.sqlite")

    with pytest.raises(Unavailable, match="broken cannot be copied"):
        await database.copy_to(tmp_path / "copy.sqlite")
    await database.close()


@pytest.mark.parametrize("left_bytes", [0, 4096])
async def test_a_fault_in_a_copy_is_found(tmp_path: Path, left_bytes: int) -> None:
    database, copy = SQLiteDatabase(tmp_path / "live.sqlite"), tmp_path / "copy.sqlite"
    await database.run(lambda each: each.execute("CREATE TABLE t (x INTEGER)"))
    await database.run(lambda each: each.execute("INSERT INTO t VALUES (1)"))
    await database.copy_to(copy)
    await database.close()
    copy.write_bytes(copy.read_bytes()[:left_bytes] + b"\xff" * 5000)

    fault = await SQLiteCopy(copy).fault()

    assert fault
