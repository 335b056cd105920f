"""What is the SQL queue's own affair: whose lease it is, and what a cancelled claim brought."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from imagemill.database.sqlite import SQLiteDatabase
from imagemill.queue import Delivery
from imagemill.queue.sql import SQLQueue

WITHIN_S = 10.0
LONG_S = 600.0
"""A lease that no test sees the end of."""


@pytest.fixture
async def opened() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def queue_at(
    path: Path, opened: AsyncExitStack, lease_s: float = LONG_S, *, keeps: bool = True
) -> SQLQueue:
    """Open one as a process has it; one that does not keep its leases seems to hang."""
    database = SQLiteDatabase(path)
    opened.push_async_callback(database.close)
    queue = SQLQueue(database, lease_s)
    if keeps:
        await queue.start()
        opened.push_async_callback(queue.close)
    return queue


async def take(receiving: AsyncIterator[Delivery]) -> Delivery:
    async with asyncio.timeout(WITHIN_S):
        return await anext(receiving)


@pytest.mark.parametrize("word", ["again", "done"])
async def test_who_was_silent_for_too_long_says_nothing_of_anothers_lease(
    tmp_path: Path, opened: AsyncExitStack, word: str
) -> None:
    queue = await queue_at(tmp_path / "queue.sqlite", opened)
    silent = await queue_at(tmp_path / "queue.sqlite", opened, 0.05, keeps=False)
    await queue.publish("jobs", [b"one"])
    stale = await take(silent.receive("jobs"))
    mine = await take(queue.receive("jobs"))

    await getattr(stale, word)()

    assert await queue.depth("jobs") == 1
    assert await queue.oldest_s("jobs") == 0.0  # Nothing waits: it is in hand.
    await mine.done()
    assert await queue.depth("jobs") == 0


async def test_a_lease_that_was_extended_is_still_its_holders(
    tmp_path: Path, opened: AsyncExitStack
) -> None:
    queue = await queue_at(tmp_path / "queue.sqlite", opened, 0.3)
    await queue.publish("jobs", [b"one"])
    mine = await take(queue.receive("jobs"))
    began = await visible_at(queue)
    async with asyncio.timeout(WITHIN_S):
        while await visible_at(queue) == began:  # noqa: ASYNC110 - a row tells nobody
            await asyncio.sleep(0.02)  # sleeps: between two looks, for at most `WITHIN_S`

    await mine.done()

    assert await queue.depth("jobs") == 0


async def test_what_a_cancelled_claim_brought_is_given_back(
    tmp_path: Path, opened: AsyncExitStack
) -> None:
    path = tmp_path / "queue.sqlite"
    queue, other = await queue_at(path, opened), await queue_at(path, opened)
    await other.publish("jobs", [b"one", b"two"])
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(take(queue.receive("jobs", prefetch=2)))
        for _ in range(5):
            await asyncio.sleep(0)

        waiting.cancel()
        await asyncio.sleep(0)
        writer.execute("ROLLBACK")
        with pytest.raises(asyncio.CancelledError):
            await waiting

    receiving = other.receive("jobs")
    assert [(await take(receiving)).body for _ in range(2)] == [b"one", b"two"]


async def visible_at(queue: SQLQueue) -> float:
    rows = await queue.database.read(lambda each: each.execute("SELECT visible_at FROM messages"))
    return float(rows[0]["visible_at"])
