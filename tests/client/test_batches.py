"""The client's batches, against a real system over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagemill.client import (
    BatchItem,
    BatchStatus,
    BlockingClient,
    Client,
    Job,
    ProblemError,
    Status,
    StillWorkingError,
    Terms,
)
from imagemill.client.terms import Outputs
from tests.cli.programs import Server, draw

pytestmark = pytest.mark.server

SMALL: Outputs = {"small": [{"op": "resize", "width": 16}]}
SLOW: Outputs = {"slow": [{"op": "filter", "type": "median", "size": 15}] * 3}
HASTY = Terms(max_retries=0, timeout_s=1)


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with Client(server.address, server.key) as client:
        yield client


@pytest.fixture
async def image_id(client: Client, tmp_path: Path) -> str:
    return (await client.upload(draw(tmp_path / "large.png", (4000, 4000)))).image_id


async def test_a_batch_is_made_followed_to_its_end_and_its_items_are_given(
    client: Client, tmp_path: Path
) -> None:
    images = [await client.upload(draw(tmp_path / f"{n}.png", (40 + n, 30))) for n in range(3)]
    items: list[str | BatchItem] = [each.image_id for each in images[:2]]
    items.append(BatchItem(images[2].image_id, SMALL))

    batch = await client.batches.submit(items, {"turned": [{"op": "flip"}]})
    changes = [each async for each in client.batches.watch(batch.batch_id)]
    jobs = [each async for each in client.batches.items(batch.batch_id)]
    two = [each async for each in client.batches.items(batch.batch_id, limit=2)]

    assert changes[-1] == await client.batches.show(batch.batch_id)
    assert (changes[-1].status, changes[-1].completed) == (BatchStatus.COMPLETED, 3)
    assert all(isinstance(each, Job) for each in jobs)
    assert [list(each.outputs) for each in jobs if isinstance(each, Job)] == [
        ["turned"],
        ["turned"],
        ["small"],
    ]
    assert two == jobs[:2]


async def test_a_batch_that_is_sent_twice_under_a_key_is_made_once(
    client: Client, image_id: str
) -> None:
    key = f"batch-{image_id}"

    first = await client.batches.submit([image_id], SMALL, idempotency_key=key)
    again = await client.batches.submit([image_id], SMALL, idempotency_key=key)

    listed = [each.batch_id async for each in client.batches.list(limit=1)]
    assert listed == [again.batch_id] == [first.batch_id]


async def test_what_failed_of_a_batch_is_done_again_alone(client: Client, image_id: str) -> None:
    items = [BatchItem(image_id, SMALL), BatchItem(image_id, SLOW)]
    batch = await client.batches.submit(items, fresh=True, terms=HASTY)

    ended = await client.batches.wait(batch.batch_id, timeout_s=30)
    failed = [each async for each in client.batches.items(batch.batch_id, status=Status.FAILED)]
    again = await client.batches.replay(batch.batch_id)

    assert (ended.status, ended.completed, ended.failed) == (BatchStatus.PARTIAL, 1, 1)
    assert len(failed) == 1
    assert (again.total, again.replay_of) == (1, batch.batch_id)


async def test_a_batch_is_cancelled_once_and_a_wait_for_it_has_an_end(
    client: Client, image_id: str
) -> None:
    batch = await client.batches.submit([image_id], SLOW, fresh=True)

    with pytest.raises(StillWorkingError, match="it goes on at the server"):
        await client.batches.wait(batch.batch_id, timeout_s=0.05)
    cancelled = await client.batches.cancel(batch.batch_id)
    with pytest.raises(ProblemError) as caught:
        await client.batches.cancel(batch.batch_id)

    assert (cancelled.cancelled, caught.value.code) == (1, "conflict")


def test_batches_are_made_without_an_event_loop(server: Server, tmp_path: Path) -> None:
    with BlockingClient(server.address, server.key) as client:
        image_id = client.upload(draw(tmp_path / "large.png", (4000, 4000))).image_id
        batch = client.batches.submit([image_id], SLOW, fresh=True, terms=HASTY)
        changes = list(client.batches.watch(batch.batch_id))
        again = client.batches.replay(batch.batch_id)
        third = client.batches.submit([image_id], SLOW, fresh=True)
        cancelled = client.batches.cancel(third.batch_id)
        ended = client.batches.wait(third.batch_id, timeout_s=30)

        assert changes[-1].status is BatchStatus.FAILED
        assert again.replay_of == batch.batch_id
        assert (cancelled.cancelled, ended.status) == (1, BatchStatus.CANCELLED)
        assert next(client.batches.list()).batch_id == third.batch_id
        assert client.batches.show(batch.batch_id).failed == 1
        assert len(list(client.batches.items(batch.batch_id))) == 1
