"""The queue itself, opened beside the system, to put messages into it that nobody should send."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from imagemill.database.sqlite import SQLiteDatabase
from imagemill.queue.sql import SQLQueue
from tests.acceptance.system import eventually
from tests.chaos import ledger


@asynccontextmanager
async def opened(data: Path, lease_s: float = 2.0) -> AsyncIterator[SQLQueue]:
    """Open the queue of a system that runs in a folder, as one more process would."""
    database = SQLiteDatabase(data / "databases/queue.sqlite")
    queue = SQLQueue(database, lease_s)
    await queue.start()
    try:
        yield queue
    finally:
        await queue.close()
        await database.close()


def settled(data: Path) -> list[tuple[str, bytes]]:
    """Give what lies in the queue once the relay has nothing more to publish."""
    seen: list[tuple[str, bytes]] = []

    def is_settled() -> bool:
        before, seen[:] = len(seen), ledger.messages(data)
        time.sleep(0.3)  # sleeps: the relay publishes within moments of the acceptance
        return before == len(seen) > 0

    eventually(is_settled, within_s=60)
    return seen


async def publish_again(data: Path, messages: list[tuple[str, bytes]], times: int) -> None:
    """Publish messages so many times more."""
    bodies: defaultdict[str, list[bytes]] = defaultdict(list)
    for topic, body in messages:
        bodies[topic].append(body)
    async with opened(data) as queue:
        for _ in range(times):
            for topic, each in bodies.items():
                await queue.publish(topic, each)
