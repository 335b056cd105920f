"""Every queue adapter, as the suite opens it: over the same broker as often as it likes."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from imagemill.database.postgres import Place, PostgresDatabase
from imagemill.database.sqlite import SQLiteDatabase
from imagemill.queue import Queue
from imagemill.queue.nats import NATSQueue
from imagemill.queue.nats_connection import Login as NATSLogin
from imagemill.queue.nats_settings import NATSSettings
from imagemill.queue.postgres import PostgresQueue
from imagemill.queue.rabbitmq import RabbitMQQueue
from imagemill.queue.rabbitmq_connection import Login as RabbitMQLogin
from imagemill.queue.rabbitmq_settings import RabbitMQSettings
from imagemill.queue.sql import SQLQueue
from imagemill.queue.tls import TLSSettings
from tests.contracts.log_queues import MOCK_CANNOT, open_kafka, open_sqs
from tests.peers.kafka_mock import KafkaMock
from tests.peers.proof import Proof, proves, server_mark

_ROOT: Final = Path(__file__).parents[2]

Open = Callable[[AsyncExitStack, str, float], Awaitable[Queue]]
"""Opens and starts an adapter for an address and a lease in seconds; the stack closes it."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """How one adapter is opened, and how patient its suite must be."""

    open: Open
    server: str = ""
    """Session fixture of what it speaks to, with `url` and `version`; empty: a file of its own."""
    lease_s: float = 0.5
    """Lease that the suite sets, and the longest time a dead consumer's messages stay away."""
    wait_s: float = 5.0
    """Longer than a message ever needs that nobody holds; one that takes longer is lost."""
    marks: Sequence[pytest.MarkDecorator] = ()
    beyond: Mapping[str, str] = field(default_factory=dict)
    """Tests that a stand-in for the real broker cannot be put to, each with the reason."""


@dataclass(slots=True)
class Broker:
    """One adapter's broker, for one test."""

    name: str
    address: str
    adapter: Adapter
    stack: AsyncExitStack
    topic: str = field(default_factory=lambda: f"topic-{uuid.uuid4().hex[:12]}")
    """A topic that no other test uses."""

    async def open(self, lease_s: float | None = None) -> Queue:
        """Give another adapter object, as another process has; it is closed after the test."""
        return await self.adapter.open(self.stack, self.address, lease_s or self.adapter.lease_s)

    @contextmanager
    def other_process(self) -> Iterator[Holder]:
        """Run a process that takes one message of the topic and holds it."""
        command = [sys.executable, "-m", __name__, self.name, self.address, self.topic]
        with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE) as process:
            try:
                yield Holder(process)
            finally:
                process.kill()


@dataclass(frozen=True, slots=True)
class Holder:
    """A consumer in a process of its own."""

    process: subprocess.Popen[bytes]

    async def holds(self) -> bytes:
        """Wait until it holds a message, and give that."""
        assert self.process.stdout
        line = await asyncio.to_thread(self.process.stdout.readline)
        return bytes.fromhex(line.decode())

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


async def open_sqlite(stack: AsyncExitStack, address: str, lease_s: float) -> Queue:
    """Open the embedded queue; the address is its file."""
    database = SQLiteDatabase(Path(address))
    stack.push_async_callback(database.close)
    queue = SQLQueue(database, lease_s)
    await queue.start()
    stack.push_async_callback(queue.close)
    return queue


async def open_postgres(stack: AsyncExitStack, address: str, lease_s: float) -> Queue:
    """Open the queue in PostgreSQL; the address is the server's, a bar and the schema."""
    url, _, schema = address.rpartition("|")
    database = PostgresDatabase(Place(url, schema, connections=2), alone=False)
    stack.push_async_callback(database.close)
    queue = PostgresQueue(database, lease_s)
    await queue.start()
    stack.push_async_callback(queue.close)
    return queue


async def open_nats(stack: AsyncExitStack, address: str, lease_s: float) -> Queue:
    """Open the queue on NATS."""
    login = NATSLogin((address,), NATSSettings(), TLSSettings())
    queue = NATSQueue(login, lambda: uuid.uuid4().hex, time.time, lease_s)
    await queue.start()
    stack.push_async_callback(queue.close)
    return queue


async def open_rabbitmq(stack: AsyncExitStack, address: str, _lease_s: float) -> Queue:
    """Open the queue on RabbitMQ, which knows no lease."""
    queue = RabbitMQQueue(RabbitMQLogin((address,), RabbitMQSettings(), TLSSettings()), time.time)
    await queue.start()
    stack.push_async_callback(queue.close)
    return queue


ADAPTERS: Final[Mapping[str, Adapter]] = {
    "sql on sqlite": Adapter(open_sqlite, lease_s=0.3),
    "sql on postgres": Adapter(
        open_postgres, server="postgres", lease_s=0.3, marks=server_mark("postgres")
    ),
    "nats": Adapter(open_nats, server="nats", marks=server_mark("nats")),
    "rabbitmq": Adapter(open_rabbitmq, server="rabbitmq", marks=server_mark("rabbitmq")),
    # Tansu numbers no producers; whoever left a group of it is missed until the lease has ended.
    "kafka on tansu": Adapter(
        partial(open_kafka, idempotent=False, longest_s=2.0),
        server="tansu",
        lease_s=2.0,
        wait_s=15.0,
        marks=server_mark("tansu"),
    ),
    # A group of the mock shares out anew only after a second less than the lease.
    "kafka on a mock": Adapter(
        partial(open_kafka, idempotent=True, create=False, longest_s=2.0),
        server="mock",
        lease_s=2.0,
        wait_s=15.0,
        marks=server_mark("kafka_mock"),
        beyond=MOCK_CANNOT,
    ),
    "sqs on moto": Adapter(open_sqs, server="moto", lease_s=1.0, marks=server_mark("moto")),
}


def params() -> list[object]:
    """List the adapters for a fixture, each with its marks."""
    return [pytest.param(name, marks=each.marks) for name, each in ADAPTERS.items()]


def chosen(request: pytest.FixtureRequest, folder: Path) -> tuple[str, str]:
    """Give the name and address of the adapter that a fixture is asked for; starts its server."""
    name: str = request.param
    if not (server_name := ADAPTERS[name].server):
        proves(request, Proof("queue", name, "none"))
        return name, str(folder / "queue.sqlite")
    server = request.getfixturevalue(server_name)
    proves(request, Proof("queue", name, server.version))
    if server_name == "postgres":
        return name, f"{server.url}|t_{uuid.uuid4().hex[:12]}"
    return name, server.url


def prepare(request: pytest.FixtureRequest, given: Broker) -> None:
    """Skip what a stand-in cannot do, and make the topic where no client can ask for it."""
    if reason := given.adapter.beyond.get(request.node.originalname):
        request.node.add_marker(pytest.mark.may_skip(reason))
        pytest.skip(reason)
    if given.adapter.server == "mock":
        mock: KafkaMock = request.getfixturevalue("mock")
        mock.make(f"imagemill.{given.topic}")


async def hold(name: str, address: str, topic: str) -> None:
    """Take one message, say which, and hold it until killed."""
    async with AsyncExitStack() as stack:
        adapter = ADAPTERS[name]
        queue = await adapter.open(stack, address, adapter.lease_s)
        async for delivery in queue.receive(topic):
            sys.stdout.write(f"{delivery.body.hex()}\n")
            sys.stdout.flush()
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(hold(*sys.argv[1:]))
