"""The queue in a SQL database, on each engine, opened for one test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from imagemill.database import Database
from imagemill.database.postgres import PostgresDatabase
from imagemill.database.sqlite import SQLiteDatabase
from imagemill.queue import Queue
from imagemill.queue.postgres import PostgresQueue
from imagemill.queue.sql import SQLQueue
from tests.peers.postgres import PostgresServer
from tests.peers.proof import Proof, proves, server_mark
from tests.peers.schemas import place

QUEUES = ["sql on sqlite", pytest.param("sql on postgres", marks=server_mark("postgres"))]


@asynccontextmanager
async def opened(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Queue]:
    """Open the queue that the test's parameter names, with a lease that ends soon."""
    database: Database
    if request.param == "sql on sqlite":
        database = SQLiteDatabase(folder / "queue.sqlite")
        queue = SQLQueue(database, lease_s=0.3)
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        proves(request, Proof("queue", "postgres", server.version()))
        database = PostgresDatabase(place(server), alone=False)
        queue = PostgresQueue(database, lease_s=0.3)
    await queue.start()
    yield queue
    await queue.close()
    await database.close()
