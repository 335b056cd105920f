"""What a worker's signs of life say."""

from __future__ import annotations

from collections.abc import AsyncIterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import pyvips

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.facts import Limits
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.jobs import Beat, Claim, JobsClient
from imagemill.contracts.transport import InMemory, Receive, Send
from imagemill.database.sqlite import SQLiteDatabase
from imagemill.engine.sandbox import Sandbox
from imagemill.engine.settings import SandboxSettings
from imagemill.queue.sql import SQLQueue
from imagemill.storage import Bucket
from imagemill.storage.local import LocalStorage
from imagemill.worker.service import Worker, _Reached

pytestmark = pytest.mark.slow

OUTPUTS = {
    f"turned by {angle}": [
        {"op": "rotate", "angle": angle},
        {"op": "convert", "format": "png"},
    ]
    for angle in (10, 20, 30)
}


class Jobs:
    """A jobs service that takes beats and does nothing about them."""

    def __init__(self) -> None:
        self.beats: list[Beat] = []

    async def __call__(self, _: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        self.beats.append(Beat.model_validate_json((await receive())["body"]))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
async def worker(jobs: Jobs, tmp_path: Path) -> AsyncIterator[Worker]:
    client = ServiceClient(InMemory(jobs), Signer(b"s" * 32), Identity(account="worker"))
    storage = LocalStorage(tmp_path / "objects")
    database = SQLiteDatabase(tmp_path / "queue.sqlite")
    async with Sandbox(SandboxSettings(children=1)) as sandbox:
        yield Worker("w", JobsClient(client), SQLQueue(database), storage, sandbox, hands=1)
    await storage.close()
    await database.close()


async def picture() -> AsyncIterator[bytes]:
    """Draw noise, which takes an encoder long."""
    yield pyvips.Image.gaussnoise(2000, 1500, mean=128, sigma=60).cast("uchar").pngsave_buffer()


async def test_beats_say_how_far_a_long_attempt_is(worker: Worker, jobs: Jobs) -> None:
    await worker.storage.put(Bucket.ORIGINALS, "aa/original", picture())
    claim = Claim(
        job_id="j",
        owner="anna",
        attempt=1,
        lease_id="l",
        lease_s=0.3,
        timeout_s=50,
        storage_key="aa/original",
        limits=Limits(),
        pictures={},
        outputs=OUTPUTS,
        work_keys={name: f"{number:064x}" for number, name in enumerate(OUTPUTS)},
    )
    reached = _Reached()

    async with worker._beating(claim, reached):
        await worker._work(claim, reached)

    told = [beat.progress for beat in jobs.beats]
    numbers = [each for each in told if each is not None]
    assert told[0] is None
    assert len(set(numbers)) >= 2
    assert numbers == sorted(numbers)
    assert all(0 < each < 100 for each in numbers)
