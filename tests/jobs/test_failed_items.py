"""The notifier looks at the failures of a batch as its owner would, and at nobody else's."""

from __future__ import annotations

import json

import pytest

from imagemill.assembly.telling import failures_of
from imagemill.contracts.client import ServiceClient
from imagemill.contracts.identity import Identity
from imagemill.contracts.jobs import JobsClient
from imagemill.contracts.transport import InMemory
from imagemill.database import Connection
from imagemill.errors import NotFound
from imagemill.faults import Faults
from imagemill.jobs.batch_request import batch_wish_of
from imagemill.jobs.batches import Batches
from imagemill.jobs.job import Batch, Job
from imagemill.jobs.records import batches as records
from imagemill.jobs.replays import Replays
from imagemill.jobs.routes import app_of
from imagemill.notifier.facts import Failure
from tests.jobs.life import A, Life


@pytest.fixture
def client(life: Life) -> JobsClient:
    app = app_of(life.jobs, life.lending, Faults.none())
    process = Identity(account="notifier", scopes=frozenset({"service"}))
    return JobsClient(ServiceClient(InMemory(app), life.jobs.signer, process))


def refusing(connection: Connection, batch: Batch) -> None:
    """Keep a picture that was refused, beside the jobs of the batch."""
    error = {"code": "truncated", "message": "It ends too early.", "limit": {}}
    row = {"batch_id": batch.id, "position": 9, "name": "<b>.jpg", "error": json.dumps(error)}
    connection.execute(records._ADD_REFUSAL, row)


async def failed_batch(life: Life) -> tuple[Batch, list[Job]]:
    """Make a batch of three: one is completed, two fail, and one never became a job."""
    batches = Batches(life.jobs, Replays(life.jobs))
    wish = {
        "items": [{"input": {"image_id": each}} for each in ("A-1", "A-2", "A-1")],
        "outputs": {"small": [{"op": "resize", "width": 32}]},
        "fresh": True,
    }
    batch = await batches.accept(batch_wish_of(wish, has_files=False), A, refusing)
    made = list((await batches.items(batch.id, A, -1, 100, "")).jobs)
    await life.finish(await life.claimed(made[0]))
    for each in made[1:]:
        await life.fail(await life.claimed(each), "corrupt")
    return batch, made[1:]


async def test_the_failures_of_a_batch_are_those_that_its_owner_sees(
    life: Life, client: JobsClient
) -> None:
    batch, failed = await failed_batch(life)

    found = await failures_of(client)(batch.id, "A", 10)

    assert found[0] == Failure("<b>.jpg", "It ends too early.")
    assert [each.id for each in found[1:]] == [each.id for each in failed]
    assert all(each.reason for each in found)


async def test_no_more_failures_are_told_than_asked_for(life: Life, client: JobsClient) -> None:
    batch, _ = await failed_batch(life)

    assert len(await failures_of(client)(batch.id, "A", 2)) == 2


async def test_the_failures_of_somebody_elses_batch_are_not_there(
    life: Life, client: JobsClient
) -> None:
    batch, _ = await failed_batch(life)

    with pytest.raises(NotFound):
        await failures_of(client)(batch.id, "B", 10)
