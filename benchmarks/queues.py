"""How many messages a second each queue carries: `python -m benchmarks.queues`, on a quiet machine.

Servers are those of the tests, started for the run on the loopback, with a folder on the disk.
"""

from __future__ import annotations

import asyncio
import platform
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from imagemill.queue import Queue
from tests.contracts.log_queues import open_kafka
from tests.contracts.queues import open_nats, open_rabbitmq, open_sqlite
from tests.peers.kafka_mock import kafka_mock
from tests.peers.nats import nats_server
from tests.peers.rabbitmq import rabbitmq_server
from tests.peers.tansu import tansu_server

MESSAGES: Final = 1_000
BODY: Final = b"x" * 300
"""As long as what the jobs service publishes."""


async def one_by_one(queue: Queue, topic: str) -> None:
    """Publish, each after the one before was acknowledged."""
    for _ in range(MESSAGES):
        await queue.publish(topic, [BODY])


async def by_hundreds(queue: Queue, topic: str) -> None:
    """Publish a hundred at once."""
    for _ in range(MESSAGES // 100):
        await queue.publish(topic, [BODY] * 100)


async def taken(queue: Queue, topic: str, prefetch: int) -> None:
    """Receive each and say that it is done."""
    receiving, left = queue.receive(topic, prefetch=prefetch), MESSAGES
    async for delivery in receiving:
        await delivery.done()
        left -= 1
        if not left:
            break


async def rate(doing: Awaitable[None]) -> int:
    """Tell how many messages a second it was."""
    began = time.perf_counter()
    await doing
    return round(MESSAGES / (time.perf_counter() - began))


async def measured(opening: Callable[[AsyncExitStack], Awaitable[Queue]]) -> list[int]:
    """Measure one queue in all ways."""
    async with AsyncExitStack() as stack:
        queue = await opening(stack)
        first, second = uuid.uuid4().hex, uuid.uuid4().hex
        await queue.publish(first, [])
        await queue.publish(second, [])
        return [
            await rate(one_by_one(queue, first)),
            await rate(by_hundreds(queue, second)),
            await rate(taken(queue, first, 1)),
            await rate(taken(queue, second, 32)),
        ]


def main() -> None:
    """Measure all queues one after the other, and print a table."""
    folder = Path(tempfile.mkdtemp(prefix="queues-"))
    for name in ("nats", "rabbitmq"):
        (folder / name).mkdir()
    with (
        nats_server(folder / "nats") as nats,
        rabbitmq_server(folder / "rabbitmq") as rabbitmq,
        tansu_server() as tansu,
        kafka_mock() as mock,
    ):
        openings: dict[str, Callable[[AsyncExitStack], Awaitable[Queue]]] = {
            "sql on SQLite": lambda stack: open_sqlite(stack, str(folder / "queue.sqlite"), 30),
            nats.version: lambda stack: open_nats(stack, nats.url, 30),
            rabbitmq.version: lambda stack: open_rabbitmq(stack, rabbitmq.url, 30),
            # What stands in for Kafka tells little of Kafka; moto tells nothing of SQS.
            tansu.version: partial(open_kafka, address=tansu.url, lease_s=3, idempotent=False),
            mock.version: partial(open_kafka, address=mock.url, lease_s=3, idempotent=True),
        }
        _say(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, messages per second")
        _say("| queue | publish | 100 at once | receive + done | prefetch 32 |")
        for name, opening in openings.items():
            figures = asyncio.run(measured(opening))
            _say(f"| {name} | {' | '.join(f'{each:,}' for each in figures)} |")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
