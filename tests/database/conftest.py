"""What the tests of the PostgreSQL adapter share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from imagemill.database.postgres import Place, PostgresDatabase
from tests.peers.postgres import PostgresServer, postgres_server
from tests.peers.schemas import place

Opening = Callable[..., PostgresDatabase]


@pytest.fixture
def at(postgres: PostgresServer) -> Place:
    """Give a schema that nobody has made yet."""
    return place(postgres)


@pytest.fixture
async def opening(at: Place) -> AsyncIterator[Opening]:
    """Open the schema, as often as there are processes; closed after the test."""
    async with AsyncExitStack() as opened:

        def open_one(here: Place = at, **options: Any) -> PostgresDatabase:  # noqa: ANN401 - as the adapter takes them
            database = PostgresDatabase(here, **options)
            opened.push_async_callback(database.close)
            return database

        yield open_one


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """Give a PostgreSQL that tests may stop."""
    with postgres_server(is_synced=True) as running:
        yield running
