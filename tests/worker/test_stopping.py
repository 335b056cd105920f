"""A worker that is told to stop takes nothing new and loses no message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.jobs import TOPIC, ClaimRequests, Claims, JobInput, JobMessage, JobsClient
from imagemill.contracts.transport import InMemory
from imagemill.database.sqlite import SQLiteDatabase
from imagemill.engine.sandbox import Sandbox
from imagemill.engine.settings import SandboxSettings
from imagemill.errors import Unavailable
from imagemill.queue import Delivery
from imagemill.queue.sql import SQLQueue
from imagemill.storage.local import LocalStorage
from imagemill.worker.service import Worker

PATIENCE_S = 20.0


class Jobs:
    """A jobs service that has nothing to lend, and says so when it is let."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.let = asyncio.Event()

    def app(self) -> FastAPI:
        app = FastAPI()
        app.post("/internal/claims")(self.lend)
        return app

    async def lend(self, asked: ClaimRequests) -> Claims:
        self.asked.set()
        await self.let.wait()
        return Claims(claims=[None] * len(asked.requests))


class Stuck:
    """A message that cannot be given back."""

    def __init__(self, delivery: Delivery) -> None:
        self.body = delivery.body
        self.done = delivery.done

    async def again(self) -> None:
        raise Unavailable("The broker is away.")


class Keeping(SQLQueue):
    """A queue whose broker is away when a message is to go back."""

    async def receive(  # type: ignore[override]  # it wraps what it gives
        self, topic: str, *, prefetch: int = 1
    ) -> AsyncIterator[Delivery]:
        async for each in super().receive(topic, prefetch=prefetch):
            yield Stuck(each)


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[SQLQueue]:
    database = SQLiteDatabase(tmp_path / "queue.sqlite")
    opened = SQLQueue(database)
    await opened.start()
    yield opened
    await opened.close()
    await database.close()


@asynccontextmanager
async def working(
    jobs: Jobs, queue: SQLQueue, folder: Path, grace_s: float = 0.05
) -> AsyncIterator[Worker]:
    """Run a worker for a block, and wait for its end, to which it must be told before."""
    identity = Identity(account="worker", scopes=frozenset({"service"}))
    service = ServiceClient(InMemory(jobs.app()), Signer(b"s" * 32), identity)
    client, storage = JobsClient(service), LocalStorage(folder / "objects")
    sandbox = Sandbox(SandboxSettings())
    worker = Worker("w1", client, queue, storage, sandbox, hands=1, grace_s=grace_s)
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(PATIENCE_S):
        yield worker
        await running
    await client.close()
    await storage.close()


async def publish(queue: SQLQueue) -> None:
    message = JobMessage(job_id="j1", type="flip", input=JobInput(storage_key="aa/original"))
    await queue.publish(TOPIC, [message.model_dump_json().encode()])


async def test_an_idle_worker_ends_when_told_and_takes_nothing_new(
    jobs: Jobs, queue: SQLQueue, tmp_path: Path
) -> None:
    async with working(jobs, queue, tmp_path) as worker:
        await worker.drain()

    await publish(queue)
    assert (await queue.depth(TOPIC), jobs.asked.is_set()) == (1, False)


async def test_a_message_whose_job_was_not_lent_yet_goes_back_to_the_queue(
    jobs: Jobs, queue: SQLQueue, tmp_path: Path
) -> None:
    await publish(queue)

    async with working(jobs, queue, tmp_path) as worker:
        await jobs.asked.wait()
        await worker.drain()

    assert await queue.depth(TOPIC) == 1
    async with asyncio.timeout(PATIENCE_S):
        again = await anext(queue.receive(TOPIC))
    assert JobMessage.model_validate_json(again.body).job_id == "j1"


async def test_a_broker_that_is_away_does_not_disturb_the_stop(jobs: Jobs, tmp_path: Path) -> None:
    database = SQLiteDatabase(tmp_path / "queue.sqlite")
    queue = Keeping(database)
    await queue.start()
    await publish(queue)

    with capture_logs() as lines:
        async with working(jobs, queue, tmp_path) as worker:
            await jobs.asked.wait()
            await worker.drain()

    assert [each["event"] for each in lines] == ["delivery_not_given_back"]
    await queue.close()
    await database.close()


async def test_work_that_ends_within_the_grace_is_done(
    jobs: Jobs, queue: SQLQueue, tmp_path: Path
) -> None:
    await publish(queue)
    jobs.let.set()

    async with working(jobs, queue, tmp_path, PATIENCE_S) as worker:
        await jobs.asked.wait()
        await worker.drain()

    assert await queue.depth(TOPIC) == 0
