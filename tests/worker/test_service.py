"""How a worker ends attempts: over a real queue and storage, told to a loopback jobs service."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.facts import Limits
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.jobs import TOPIC, Claim, Claims, Failure, JobInput, JobMessage, JobsClient
from imagemill.contracts.transport import InMemory
from imagemill.database.sqlite import SQLiteDatabase
from imagemill.engine.sandbox import Sandbox
from imagemill.engine.settings import SandboxSettings
from imagemill.queue.sql import SQLQueue
from imagemill.storage import Bucket
from imagemill.storage.local import LocalStorage
from imagemill.worker.service import Worker

ORIGINAL, PICTURE = b"no picture", b"another"
PATIENCE_S = 20.0


class Ledger:
    """A jobs service with one claim to give, which hears how the attempt ended."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.heard: asyncio.Future[Failure] = asyncio.get_running_loop().create_future()

    def app(self) -> FastAPI:
        app = FastAPI()
        app.post("/internal/claims")(self.lend)
        app.post("/internal/jobs/{job_id}/failure")(self.hear)
        return app

    async def lend(self) -> Claims:
        return Claims(claims=[self.claim])

    async def hear(self, job_id: str, failure: Failure) -> None:
        self.heard.set_result(failure)


def claim(*, sha256: str, of_picture: str) -> Claim:
    return Claim(
        job_id="j1",
        owner="somebody",
        attempt=1,
        lease_id="l1",
        lease_s=30,
        timeout_s=30,
        storage_key="aa/original",
        sha256=sha256,
        limits=Limits(),
        pictures={"i1": "bb/picture"},
        sha256s={"i1": of_picture},
        outputs={"small": [{"op": "flip"}]},
        work_keys={"small": "0123"},
    )


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[LocalStorage]:
    opened = LocalStorage(tmp_path / "objects")
    await opened.put(Bucket.ORIGINALS, "aa/original", once(ORIGINAL))
    await opened.put(Bucket.ORIGINALS, "bb/picture", once(PICTURE))
    yield opened
    await opened.close()


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[SQLQueue]:
    database = SQLiteDatabase(tmp_path / "queue.sqlite")
    opened = SQLQueue(database)
    await opened.start()
    yield opened
    await opened.close()
    await database.close()


@asynccontextmanager
async def working(ledger: Ledger, queue: SQLQueue, storage: LocalStorage) -> AsyncIterator[None]:
    """Run a worker for a block; its sandbox is not started, so nothing may get that far."""
    identity = Identity(account="worker", scopes=frozenset({"service"}))
    service = ServiceClient(InMemory(ledger.app()), Signer(b"s" * 32), identity)
    worker = Worker(
        name="w1",
        jobs=JobsClient(service),
        queue=queue,
        storage=storage,
        sandbox=Sandbox(SandboxSettings()),
        hands=1,
    )
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def ending(ledger: Ledger, queue: SQLQueue, storage: LocalStorage) -> Failure:
    """Let a worker attempt the ledger's job once, and hear how that ended."""
    message = JobMessage(job_id="j1", type="flip", input=JobInput(storage_key="aa/original"))
    await queue.publish(TOPIC, [message.model_dump_json().encode()])
    async with working(ledger, queue, storage), asyncio.timeout(PATIENCE_S):
        return await ledger.heard


@pytest.mark.parametrize("broken", ["original", "picture"])
async def test_a_job_on_bytes_that_are_not_what_was_written_fails_for_good(
    queue: SQLQueue, storage: LocalStorage, broken: str
) -> None:
    digests = {"original": digest(ORIGINAL), "picture": digest(PICTURE)} | {broken: digest(b"")}
    ledger = Ledger(claim(sha256=digests["original"], of_picture=digests["picture"]))

    failure = await ending(ledger, queue, storage)

    assert (failure.lease_id, failure.code) == ("l1", "integrity")


async def once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
