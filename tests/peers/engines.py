"""Which engine holds the rows of a service under test: SQLite, or PostgreSQL where asked for.

`pytest --database postgres` runs every service's tests on PostgreSQL, each in schemas of its own;
tests with the mark `both_engines` run on both in every run.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from imagemill.database import Connection, Database
from imagemill.database.postgres import PostgresDatabase
from imagemill.database.sqlite import SQLiteDatabase
from tests.peers.postgres import PostgresServer
from tests.peers.proof import server_mark
from tests.peers.schemas import place

_MARK: Final = "both_engines"
POSTGRES: Final = "on postgres"
"""Value of the fixture `_engine` for a test that needs it."""


@dataclass(slots=True)
class _Chosen:
    server: PostgresServer | None = None


_CHOSEN: Final = _Chosen()
"""Set for the time of one test, in its own process."""


def database_at(path: Path, *, clock: Callable[[], float] | None = None) -> Database:
    """Open the database of a path: a file there, or a schema that is named after it."""
    if _CHOSEN.server is None:
        return SQLiteDatabase(path, clock=clock or time.time)
    schema = f"t_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    return PostgresDatabase(place(_CHOSEN.server, schema), clock=clock)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the engine."""
    parser.addoption(
        "--database", choices=("sqlite", "postgres"), default="sqlite", help="engine of the rows"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on both engines that is marked so."""
    if metafunc.definition.get_closest_marker(_MARK):
        both = ["", pytest.param(POSTGRES, marks=server_mark("postgres"))]
        metafunc.parametrize("_engine", both, indirect=True, ids=["on sqlite", POSTGRES])


@pytest.fixture(autouse=True)
def _engine(request: pytest.FixtureRequest) -> None:
    """Choose the engine of a test before it opens anything, and start its server."""
    asked = getattr(request, "param", None)
    of_all = request.config.getoption("--database") == "postgres"
    is_postgres = of_all if asked is None else asked == POSTGRES
    is_needed = is_postgres or any(
        each.name == "xdist_group" and each.args == ("postgres",)
        for each in request.node.iter_markers()
    )
    server = request.getfixturevalue("postgres") if is_needed else None
    _CHOSEN.server = server if is_postgres else None


def order_of_writing(connection: Connection) -> str:
    """Name the engine's own column that grows with every new row of a small table."""
    return "rowid" if connection.engine == "sqlite" else "ctid"


def plan_of(connection: Connection, statement: str, parameters: Mapping[str, Any]) -> str:
    """Tell how the engine would read: it names the indexes."""
    if connection.engine == "sqlite":
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return "\n".join(row["detail"] for row in rows)
    connection.execute("SET LOCAL enable_seqscan = off")  # Tables of tests are small.
    rows = connection.execute(f"EXPLAIN {statement}", parameters)
    return "\n".join(row["QUERY PLAN"] for row in rows)


def tables(connection: Connection) -> set[str]:
    """Name all tables of a service; not where an engine keeps numbers of its own."""
    if connection.engine == "sqlite":
        asked = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'sqlite_sequence'"
    else:
        asked = "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()"
    return {row["name"] for row in connection.execute(asked)}
