"""What is SQLite's own affair."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from imagemill.database.sqlite import SQLiteDatabase
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
