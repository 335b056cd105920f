"""What is SQLite's own affair."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from imagemill.database.sqlite import SQLiteDatabase
from imagemill.errors import Unavailable


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
