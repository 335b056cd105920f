"""Every adapter of the database port, opened for one test."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from imagemill.database import Database
from imagemill.database.measured import MeasuredDatabase
from imagemill.database.postgres import PostgresDatabase
from imagemill.database.sqlite import SQLiteDatabase
from imagemill.telemetry.meter import Meter
from tests.peers.postgres import PostgresServer
from tests.peers.proof import Proof, proves, server_mark
from tests.peers.schemas import place

DATABASES = [
    "sqlite",
    "sqlite, unsynced",
    "sqlite, measured",
    *(
        pytest.param(each, marks=server_mark("postgres"))
        for each in ("postgres", "postgres, unsynced")
    ),
]


@asynccontextmanager
async def opened(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Database]:
    """Open the adapter that the test's parameter names."""
    name, synced = request.param.split(",")[0], "unsynced" not in request.param
    database: Database
    if name == "sqlite":
        database = SQLiteDatabase(folder / "test.sqlite", synced=synced)
        proves(request, Proof("database", "sqlite", f"SQLite {sqlite3.sqlite_version}"))
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        proves(request, Proof("database", "postgres", server.version))
        database = PostgresDatabase(place(server), synced=synced)
    yield MeasuredDatabase(database, "test", Meter()) if "measured" in request.param else database
    await database.close()
