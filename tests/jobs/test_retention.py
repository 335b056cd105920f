"""What is kept no longer goes, and nothing goes that somebody still needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagemill.contracts.jobs import Claim
from imagemill.errors import NotFound
from imagemill.idempotency import KEPT_S, Remembered
from imagemill.idempotency import records as answers
from imagemill.jobs.job import Job
from imagemill.jobs.ledger import NewJob
from imagemill.jobs.plan import Plan
from imagemill.jobs.states import Status
from imagemill.storage import Bucket
from tests.jobs.life import A, Life, living, plan

WORK = "aa" * 32
KEY = f"aa/{WORK}-1"


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    async with living(tmp_path, keep_results_s=100, keep_jobs_s=1000) as opened:
        yield opened


async def made(life: Life, planned: Plan) -> Job:
    return await life.jobs.accept(planned, A)


async def completed(life: Life) -> Job:
    """Make a job whose result is stored under `KEY`."""
    job = await made(life, plan(works=[WORK]))
    assert await life.finish(await life.claimed(job)) is None
    return job


async def is_stored(life: Life) -> bool:
    return await life.storage.size(Bucket.RESULTS, KEY) is not None


async def test_a_result_goes_when_its_time_is_over_and_its_job_tells_so(life: Life) -> None:
    job = await completed(life)

    await life.pass_(99)
    assert await is_stored(life)
    await life.pass_(2)

    expired = await life.job(job)
    assert not await is_stored(life)
    assert (expired.standing.status, expired.expired_at) == (Status.COMPLETED, life.clock.now)
    assert [(each.result, each.storage_key) for each in expired.outputs] == [(None, None)]
    assert (await life.count("results"), await life.count("garbage")) == (0, 0)


async def test_a_result_of_two_jobs_goes_with_the_last_one(life: Life) -> None:
    await completed(life)
    life.clock.now += 60
    second = await made(life, plan(works=[WORK]))
    assert second.is_cached

    await life.pass_(60)
    assert await is_stored(life)
    assert (await life.job(second)).outputs[0].result is not None

    await life.pass_(60)
    assert not await is_stored(life)


async def test_a_result_that_a_waiting_job_counts_on_stays(life: Life) -> None:
    await completed(life)
    waiting = await made(life, plan(works=[WORK, "bb" * 32]))

    await life.pass_(101)

    assert await is_stored(life)
    claim: Claim = await life.claimed(waiting)
    assert list(claim.work_keys.values()) == ["bb" * 32]
    assert await life.finish(claim) is None


@pytest.mark.both_engines
async def test_a_result_that_went_is_made_again(life: Life) -> None:
    await completed(life)
    await life.pass_(101)

    again = await made(life, plan(works=[WORK]))

    assert again.standing.status is Status.QUEUED
    assert await life.finish(await life.claimed(again)) is None
    await life.pass_(50)
    assert await is_stored(life)


async def test_a_result_that_went_while_its_job_was_planned_is_made_again(life: Life) -> None:
    await completed(life)
    new = await life.jobs.prepared(plan(works=[WORK]))
    assert new.stored

    await life.pass_(101)
    (job,) = await life.jobs.accept_all([new], A)

    assert job.standing.status is Status.QUEUED


async def test_a_result_that_was_made_again_is_not_taken_for_garbage(tmp_path: Path) -> None:
    async with living(tmp_path, keep_results_s=100) as life:
        await completed(life)
        await life.database.run(
            lambda each: each.execute("INSERT INTO garbage VALUES (:key, 0)", {"key": KEY})
        )

        await life.pass_(1)

        assert await is_stored(life)
        assert await life.count("garbage") == 0


@pytest.mark.both_engines
async def test_a_job_goes_with_all_that_was_kept_about_it(life: Life) -> None:
    job = await completed(life)
    (poison,) = await life.accept()
    await life.die(poison)

    await life.pass_(1001)

    for each in (job, poison):
        with pytest.raises(NotFound):
            await life.job(each)
    tables = ("jobs", "job_outputs", "attempts", "events", "dead_letters", "results")
    assert [await life.count(each) for each in tables] == [0] * len(tables)
    assert not await is_stored(life)


async def test_a_job_that_has_not_ended_is_never_forgotten(life: Life) -> None:
    (waiting,) = await life.accept()

    await life.pass_(100_000)

    assert (await life.job(waiting)).standing.status is Status.QUEUED


async def test_nothing_goes_where_everything_is_kept_for_ever(tmp_path: Path) -> None:
    async with living(tmp_path) as life:
        job = await completed(life)

        await life.pass_(1e9)

        assert await is_stored(life)
        assert (await life.job(job)).expired_at is None


async def test_a_remembered_answer_goes_after_a_day(life: Life) -> None:
    told = Remembered("meaning", 202, None, "{}", "j", life.clock.now)
    await life.database.run(lambda each: answers.keep(each, "A", "key", told))

    await life.pass_(KEPT_S - 1)
    assert await life.count("idempotency") == 1

    await life.pass_(2)
    assert await life.count("idempotency") == 0


async def test_a_file_that_is_gone_is_not_given_for_a_result(life: Life) -> None:
    await completed(life)
    await life.storage.delete(Bucket.RESULTS, KEY)

    again: NewJob = await life.jobs.prepared(plan(works=[WORK]))

    assert again.stored == {}
