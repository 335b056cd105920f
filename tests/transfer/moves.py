"""Transfers within this process, from a data folder into another one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from imagemill.assembly.transfers import look_at_transfer, transfer
from imagemill.backup.lock import LOCK, SERVING
from imagemill.settings import Settings
from imagemill.transfer.report import Report, Tell
from imagemill.transfer.tables import TABLES
from tests.backup.folders import files


def unheard(_: str, __: str, ___: float) -> None:
    """Hear how far it is, and do nothing."""


def moved(data: Path, new: Path, *, restart: bool = False, tell: Tell = unheard) -> Report:
    """Move an installation, with one and the same time at the end."""

    async def move() -> Report:
        settings = Settings.load({}, data=new, durability="written")
        async with transfer(settings, data, tell=tell, now=lambda: 1_000.0) as opened:
            return await opened.run(restart=restart)

    return asyncio.run(move())


def objects_brought(data: Path, new: Path) -> Report:
    """Copy the objects alone."""

    async def bring() -> Report:
        settings = Settings.load({}, data=new, durability="written")
        async with transfer(settings, data, tell=unheard, now=lambda: 1_000.0) as opened:
            return await opened.bring_objects()

    return asyncio.run(bring())


def looked_at(data: Path, new: Path) -> Report:
    """Look what would be moved."""
    return asyncio.run(look_at_transfer(Settings.load({}, data=new, durability="written"), data))


def kept(data: Path) -> dict[str, bytes]:
    """Read every file of a data folder but its locks, and what SQLite shares between readers."""
    return {
        name: text
        for name, text in files(data).items()
        if name not in {LOCK, SERVING} and not name.endswith("-shm")
    }


def rows(data: Path) -> dict[str, list[Any]]:
    """Read every row that moves, and which number comes next, by database and table."""
    return {
        f"{name}.{table.name}": _all(data, name, table.name, table.numbered)
        for name, tables in TABLES.items()
        for table in tables
    }


def objects(data: Path) -> Mapping[str, bytes]:
    """Read every object of a data folder, by its place."""
    return files(data / "objects")


def ask(data: Path, database: str, statement: str, *values: object) -> list[Any]:
    """Ask a database from outside."""
    with closing(sqlite3.connect(data / "databases" / f"{database}.sqlite")) as opened:
        return opened.execute(statement, values).fetchall()


def _all(data: Path, database: str, table: str, numbered: str | None) -> list[Any]:
    found = ask(data, database, f"SELECT * FROM {table}")  # noqa: S608 - a name of ours
    if numbered:
        found += ask(data, database, "SELECT seq FROM sqlite_sequence WHERE name = ?", table)
    return sorted(found, key=repr)
