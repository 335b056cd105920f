"""What goes to the topic `events`: all of the log, in its order, whatever fails meanwhile."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from imagemill.contracts.jobs import JobsClient
from imagemill.database.migrations import migrations_of
from imagemill.database.sqlite import SQLiteDatabase
from imagemill.errors import Unavailable
from imagemill.notifier.broadcast import TOPIC, Broadcast
from imagemill.notifier.records import places
from imagemill.queue.sql import SQLQueue
from tests.jobs.life import Life, living
from tests.notifier.test_logs import client


class Torn(SQLQueue):
    """A queue that takes a part and says that it did not, as a broker whose answer is lost."""

    is_torn = False

    async def publish(self, topic: str, bodies: Sequence[bytes]) -> None:
        await super().publish(topic, bodies)
        if self.is_torn:
            raise Unavailable("The broker does not answer.")


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    async with living(tmp_path) as opened:
        yield opened


@pytest.fixture
async def jobs(life: Life) -> AsyncIterator[JobsClient]:
    opened = client(life, "service")
    yield opened
    await opened.close()


@pytest.fixture
async def broadcast(jobs: JobsClient, tmp_path: Path) -> AsyncIterator[Broadcast]:
    async with AsyncExitStack() as stack:
        files = [SQLiteDatabase(tmp_path / f"{name}.sqlite") for name in ("told", "broker")]
        for each in files:
            stack.push_async_callback(each.close)
        await files[0].migrate(migrations_of("imagemill.notifier"))
        queue = Torn(files[1])
        await queue.start()
        stack.push_async_callback(queue.close)
        yield Broadcast(jobs, files[0], queue)


async def carried(broadcast: Broadcast) -> list[dict[str, Any]]:
    """Take all that the topic holds."""
    receiving, told = broadcast.queue.receive(TOPIC, prefetch=32), []
    for _ in range(await broadcast.queue.depth(TOPIC)):
        delivery = await anext(receiving)
        told.append(json.loads(delivery.body))
        await delivery.done()
    return told


async def test_every_event_is_published_in_order(life: Life, broadcast: Broadcast) -> None:
    (job,) = await life.accept(1)
    await life.finish(await life.claimed(job))

    await broadcast.hear()

    told = await carried(broadcast)
    assert (told[0]["type"], told[-1]["type"]) == ("job.queued", "job.completed")
    assert [each["number"] for each in told] == sorted(each["number"] for each in told)
    assert {each["data"]["job_id"] for each in told} == {job.id}
    assert all(each["id"].startswith("evt_jobs_") for each in told)


async def test_an_event_is_published_once_when_nothing_fails(
    life: Life, broadcast: Broadcast
) -> None:
    await life.accept(1)
    await broadcast.hear()
    (second,) = await life.accept(1)

    await broadcast.hear()

    told = await carried(broadcast)
    assert len({each["id"] for each in told}) == len(told)
    assert told[-1]["data"]["job_id"] == second.id


async def test_a_part_that_was_not_acknowledged_comes_again_under_the_same_ids(
    life: Life, broadcast: Broadcast
) -> None:
    await life.accept(2)
    assert isinstance(broadcast.queue, Torn)
    broadcast.queue.is_torn = True
    with pytest.raises(Unavailable):
        await broadcast.hear()

    broadcast.queue.is_torn = False
    await broadcast.hear()

    ids = [each["id"] for each in await carried(broadcast)]
    assert ids[: len(ids) // 2] == ids[len(ids) // 2 :]


async def test_it_begins_where_the_notifier_stands(life: Life, broadcast: Broadcast) -> None:
    await life.accept(1)
    (last,) = (await broadcast.jobs.events(0, wait_s=0))[-1:]
    await broadcast.database.run(lambda each: places.move(each, "jobs", 0, last.id))
    (later,) = await life.accept(1)

    await broadcast.hear()

    assert {each["data"]["job_id"] for each in await carried(broadcast)} == {later.id}
