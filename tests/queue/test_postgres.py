"""What is the PostgreSQL queue's own affair: several processes at one table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import psycopg
import pytest

from imagemill.database.postgres import Place, PostgresDatabase
from imagemill.queue.postgres import PostgresQueue
from tests.peers.postgres import PostgresServer
from tests.peers.proof import server_mark
from tests.peers.schemas import place

pytestmark = server_mark("postgres")
WITHIN_S = 10.0


@pytest.fixture
def at(postgres: PostgresServer) -> Place:
    return place(postgres)


@pytest.fixture
async def two(at: Place) -> AsyncIterator[tuple[PostgresQueue, PostgresQueue]]:
    """Give the queues of two processes that never look for messages by themselves."""
    async with AsyncExitStack() as opened:
        queues = []
        for _ in range(2):
            database = PostgresDatabase(at, alone=False)
            opened.push_async_callback(database.close)
            queue = PostgresQueue(database, lease_s=30.0)
            queue.ask_every_s = 3_600.0
            await queue.start()
            opened.push_async_callback(queue.close)
            queues.append(queue)
        yield queues[0], queues[1]


async def test_a_message_of_one_process_wakes_the_other(
    two: tuple[PostgresQueue, PostgresQueue],
) -> None:
    one, other = two
    receiving = other.receive("topic")
    async with asyncio.timeout(WITHIN_S):
        await one.publish("topic", [b"first"])
        first = await anext(receiving)
        waiting = asyncio.ensure_future(anext(receiving))
        await one.publish("topic", [b"second"])
        second = await waiting

    assert (first.body, second.body) == (b"first", b"second")


async def test_a_message_that_one_process_gives_back_wakes_the_other(
    two: tuple[PostgresQueue, PostgresQueue],
) -> None:
    one, other = two
    await one.publish("topic", [b"again"])
    async with asyncio.timeout(WITHIN_S):
        mine = await anext(one.receive("topic"))
        waiting = asyncio.ensure_future(anext(other.receive("topic")))
        await mine.again()
        theirs = await waiting

    assert theirs.body == b"again"


async def test_who_claims_does_not_wait_for_who_is_claiming(
    two: tuple[PostgresQueue, PostgresQueue], at: Place, postgres: PostgresServer
) -> None:
    one, other = two
    await one.publish("topic", [b"held", b"free"])
    taken = f'SELECT id FROM "{at.schema}".messages ORDER BY id LIMIT 1 FOR UPDATE'  # noqa: S608 - a schema of this test

    async with (
        asyncio.timeout(WITHIN_S),
        await psycopg.AsyncConnection.connect(postgres.url) as claiming,
    ):
        await claiming.execute(taken.encode())
        delivery = await anext(other.receive("topic"))

    assert delivery.body == b"free"
