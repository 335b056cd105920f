"""What a `Queue` keeps when its broker is killed, or loses everything: on a server of its own."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import pytest

from imagemill.errors import Unavailable
from imagemill.queue import Delivery, Queue
from tests.contracts.queues import ADAPTERS
from tests.peers.nats import nats_server
from tests.peers.postgres import PostgresServer, postgres_server
from tests.peers.proof import Proof, proves, server_mark
from tests.peers.rabbitmq import rabbitmq_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

WAIT_S: Final = 30.0
"""Longest time that a broker takes after a start until it has its messages: RabbitMQ took 14 s."""
TOPIC: Final = f"topic-{uuid.uuid4().hex[:12]}"


class Server(Protocol):
    """A broker that may be killed."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def wipe(self) -> None: ...

    @property
    def url(self) -> str: ...
    @property
    def version(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Table:
    """A PostgreSQL that carries messages; what it keeps is not the queue's alone to lose."""

    server: PostgresServer

    @property
    def url(self) -> str:
        return f"{self.server.url}|queue"

    @property
    def version(self) -> str:
        return self.server.version

    def start(self) -> None:
        self.server.start()

    def stop(self) -> None:
        self.server.stop("fast")

    def kill(self) -> None:
        self.server.stop("immediate")

    def wipe(self) -> None:
        raise NotImplementedError

    def write(self) -> None:
        """Write down what is younger than 0.6 s, which may be lost."""
        self.server.ask("CHECKPOINT")


@contextmanager
def table(_: Path) -> Iterator[Table]:
    with postgres_server(is_synced=True) as server:
        yield Table(server)


Started = Callable[[Path], AbstractContextManager[Server]]
SERVERS: Final[dict[str, Started]] = {
    "nats": nats_server,
    # It takes messages back after 3 s in one consumer's hands: 30 minutes elsewhere.
    "rabbitmq": partial(
        rabbitmq_server,
        lines=["consumer_timeout = 3000"],
        words="-rabbit channel_tick_interval 500",
    ),
    "sql on postgres": table,
}
MARKS: Final = {
    name: server_mark("postgres" if name == "sql on postgres" else name) for name in SERVERS
}


@dataclass(frozen=True, slots=True)
class Mine:
    """A broker that nobody else uses."""

    name: str
    server: Server

    async def opened(self, stack: AsyncExitStack) -> Queue:
        return await ADAPTERS[self.name].open(stack, self.server.url, ADAPTERS[self.name].lease_s)

    async def restart(self, *, wiped: bool = False) -> None:
        await asyncio.to_thread(self.server.kill)
        if wiped:
            self.server.wipe()
        await asyncio.to_thread(self.server.start)


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=MARKS[name]) for name in SERVERS],
)
def mine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mine]:
    """Start a broker, use it once and stop it in good order, as one that has run for a while.

    A queue of RabbitMQ 3.10 that is killed within seconds of its making stays without a leader.
    """
    name: str = request.param
    with SERVERS[name](tmp_path_factory.mktemp(name)) as server:
        made = Mine(name, server)
        asyncio.run(_used(made))
        server.stop()
        server.start()
        yield made


@pytest.fixture
async def queue(mine: Mine, request: pytest.FixtureRequest) -> AsyncIterator[Queue]:
    proves(request, Proof("queue", mine.name, mine.server.version))
    async with AsyncExitStack() as stack:
        yield await mine.opened(stack)


async def _used(mine: Mine) -> None:
    async with AsyncExitStack() as stack:
        await (await mine.opened(stack)).publish(TOPIC, [])


async def take(receiving: AsyncIterator[Delivery]) -> bytes:
    async with asyncio.timeout(WAIT_S):
        delivery = await anext(receiving)
        await delivery.done()
        return delivery.body


async def published(queue: Queue, bodies: Sequence[bytes]) -> None:
    """Publish, again and again as the relay does."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                return await queue.publish(TOPIC, bodies)
            except Unavailable:
                await asyncio.sleep(0.1)  # sleeps: between two tries, for at most `WAIT_S`


async def test_a_broker_that_is_killed_loses_nothing_and_is_found_again(
    mine: Mine, queue: Queue
) -> None:
    before = [f"{n}".encode() for n in range(20)]
    await published(queue, before)
    if isinstance(mine.server, Table):
        mine.server.write()
    await asyncio.to_thread(mine.server.kill)

    began = time.monotonic()
    with pytest.raises(Unavailable):
        await queue.publish(TOPIC, [b"in vain"])
    refused_after_s = time.monotonic() - began
    receiving = queue.receive(TOPIC, prefetch=4)
    waiting = asyncio.create_task(take(receiving))
    await asyncio.to_thread(mine.server.start)
    first = await waiting
    await published(queue, [b"after"])
    got = {first}
    while b"after" not in got:
        got.add(await take(receiving))

    assert refused_after_s < 5
    assert got - {b"in vain"} == {*before, b"after"}


@pytest.mark.parametrize(
    "mine",
    [pytest.param(name, marks=MARKS[name]) for name in ("nats", "rabbitmq")],
    indirect=True,
)
async def test_a_broker_that_lost_everything_is_set_up_again(mine: Mine, queue: Queue) -> None:
    await published(queue, [b"lost"])
    receiving = queue.receive(TOPIC)
    await take(receiving)
    waiting = asyncio.create_task(take(receiving))

    await mine.restart(wiped=True)
    await published(queue, [b"new"])

    assert await waiting == b"new"
    assert await queue.depth(TOPIC) == 0


@pytest.mark.parametrize(
    "mine", [pytest.param("rabbitmq", marks=server_mark("rabbitmq"))], indirect=True
)
async def test_rabbitmq_takes_a_message_back_that_is_held_for_too_long(
    mine: Mine, queue: Queue
) -> None:
    await published(queue, [b"long"])
    receiving = queue.receive(TOPIC)
    first = await anext(receiving)

    second = await take(receiving)
    await first.done()

    assert first.body == second == b"long"
