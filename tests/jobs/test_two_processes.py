"""Two jobs services over one PostgreSQL: what happens in one is heard in the other at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from imagemill.assembly.hearing import hearing
from imagemill.contracts.jobs import TOPIC, JobMessage
from imagemill.jobs.job import Job, Place
from tests.jobs.life import Life, living
from tests.peers.engines import POSTGRES
from tests.peers.proof import server_mark

pytestmark = [
    *server_mark("postgres"),
    pytest.mark.parametrize("_engine", [POSTGRES], indirect=True),
]
WITHIN_S = 10.0


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[Life, Life]]:
    """Give two services; the second hears of the first."""
    async with living(tmp_path) as one, living(tmp_path) as other, heard_by(other):
        yield one, other


@asynccontextmanager
async def heard_by(life: Life) -> AsyncIterator[None]:
    """Let a service hear for a block; it has begun to when the block begins."""
    life.bells.outbox.clear()
    task = asyncio.create_task(hearing(life.database, life.bells.heard)())
    async with asyncio.timeout(WITHIN_S):
        await life.bells.outbox.wait()
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def rung(bell: asyncio.Event) -> bool:
    """Tell whether a bell rings, which nobody rings by looking."""
    async with asyncio.timeout(WITHIN_S):
        return await bell.wait()


async def test_a_job_that_one_accepts_is_announced_by_the_relay_of_the_other(
    two: tuple[Life, Life],
) -> None:
    one, other = two
    relay = asyncio.create_task(other.relay.run())
    accepted: list[Job] = []
    told: list[str] = []
    receiving = other.queue.receive(TOPIC)

    async with asyncio.timeout(WITHIN_S):
        for _ in range(2):
            accepted += await one.accept()
            body = (await anext(receiving)).body
            told.append(JobMessage.model_validate_json(body).job_id)

    relay.cancel()
    await asyncio.gather(relay, return_exceptions=True)
    assert told == [each.id for each in accepted]


async def test_what_happens_in_one_wakes_who_follows_or_waits_at_the_other(
    two: tuple[Life, Life],
) -> None:
    one, other = two
    (job,) = await one.accept()
    following, waiting = other.bells.news.of(job.id), other.bells.ends.of(job.id)

    await one.finish(await one.claimed(job))

    assert await rung(following)
    assert await rung(waiting)


async def test_a_batch_of_one_is_followed_at_the_other(two: tuple[Life, Life]) -> None:
    one, other = two
    following = other.bells.news.of("batch-1")

    await one.accept(3, place=Place(batch_id="batch-1", position=0))

    assert await rung(following)
