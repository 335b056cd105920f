"""What a key uses is counted with its jobs, and its quota holds however they are made."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imagemill.contracts.identity import Identity
from imagemill.contracts.usage import left_of_month_s, month_of
from imagemill.errors import QuotaExceeded
from imagemill.jobs.job import Job
from imagemill.jobs.ledger import NewJob
from imagemill.jobs.quota import Quota
from imagemill.jobs.records import usage
from imagemill.jobs.records.usage import Usage
from imagemill.jobs.states import Patience
from tests.jobs.life import A, B, Life, living, plan

KEY = A.model_copy(update={"key_id": "k1", "monthly_jobs": 3})
OTHER = A.model_copy(update={"key_id": "k2"})
NOVEMBER = datetime(2026, 11, 30, 23, 59, 50, tzinfo=UTC).timestamp()


async def used(life: Life, month: str | None = None, owner: Identity = A) -> dict[str, Usage]:
    asked = month or month_of(life.clock.now)
    found = await life.database.read(lambda each: usage.listed(each, owner.account, asked, None))
    return {each.key_id: each for each in found}


async def ended(life: Life, jobs: list[Job]) -> None:
    for job in jobs:
        await life.finish(await life.claimed(job))


@pytest.mark.parametrize(
    ("moment", "month", "left_s"),
    [
        ("2026-11-01T00:00:00+00:00", "2026-11", 30 * 86_400),
        ("2026-11-30T23:59:59.5+00:00", "2026-11", 1),
        ("2026-12-31T23:00:00+00:00", "2026-12", 3600),
        ("2028-02-29T00:00:00+00:00", "2028-02", 86_400),
        ("2026-12-01T01:00:00+02:00", "2026-11", 3600),
    ],
)
def test_months_are_those_of_utc(moment: str, month: str, left_s: int) -> None:
    seconds = datetime.fromisoformat(moment).timestamp()

    assert (month_of(seconds), left_of_month_s(seconds)) == (month, left_s)


async def test_what_a_finished_job_took_is_counted_for_its_key(life: Life) -> None:
    made = await life.accept(2, KEY)
    await ended(life, made)
    await life.accept(1, OTHER)

    found = await used(life)

    size = sum(len(each.outputs[0].work_key) for each in made)
    assert found["k1"] == Usage(
        "k1",
        jobs=2,
        completed=2,
        outputs=2,
        pixels_in=2 * 64 * 48,
        pixels_out=2 * 32 * 24,
        bytes_out=size,
        cpu_s=0.2,
    )
    assert found["k2"] == Usage("k2", jobs=1)
    assert await used(life, owner=B) == {}


async def test_jobs_that_fail_or_are_cancelled_are_counted_as_that(life: Life) -> None:
    bad, dropped, _ = await life.accept(3, OTHER)
    await life.fail(await life.claimed(bad), "corrupt")
    await life.jobs.cancel(dropped.id, A)

    found = (await used(life))["k2"]

    assert (found.jobs, found.completed, found.failed, found.cancelled) == (3, 0, 1, 1)
    assert (found.outputs, found.pixels_in) == (0, 0)


async def test_what_was_there_before_counts_as_a_job_and_takes_nothing(life: Life) -> None:
    work = plan(KEY)
    first = await life.jobs.accept(work, KEY)
    await ended(life, [first])
    again = await life.jobs.accept(work, KEY)

    found = (await used(life))["k1"]

    assert again.is_cached
    assert (found.jobs, found.completed, found.outputs) == (2, 2, 1)


async def test_a_finish_that_is_told_twice_counts_once(life: Life) -> None:
    (job,) = await life.accept(1, KEY)
    claim = await life.claimed(job)
    await life.finish(claim)
    await life.finish(claim)

    assert (await used(life))["k1"].completed == 1


async def test_an_end_counts_in_its_month_and_a_start_in_its_own(life: Life) -> None:
    life.clock.now = NOVEMBER
    made = await life.accept(1, KEY)
    life.clock.now += 60
    await ended(life, made)

    november, december = await used(life, "2026-11"), await used(life, "2026-12")

    assert (november["k1"].jobs, november["k1"].completed) == (1, 0)
    assert (december["k1"].jobs, december["k1"].completed) == (0, 1)


async def test_one_job_beyond_the_quota_is_refused_until_the_month_ends(life: Life) -> None:
    life.clock.now = NOVEMBER
    await life.accept(3, KEY)

    with pytest.raises(QuotaExceeded) as refusal:
        await life.accept(1, KEY)
    life.clock.now += refusal.value.retry_after_s or 0

    assert refusal.value.retry_after_s == 10
    assert refusal.value.limit == {"max_monthly_jobs": 3, "of": "key"}
    assert len(await life.accept(3, KEY)) == 3


async def test_many_jobs_are_counted_as_one_and_refused_as_one(life: Life) -> None:
    await life.accept(1, KEY)

    with pytest.raises(QuotaExceeded):
        await life.accept(3, KEY)

    assert (await used(life))["k1"].jobs == 1
    assert await life.count("jobs") == 1
    assert await life.unfinished() == 1


@pytest.mark.both_engines
async def test_jobs_at_the_same_moment_share_the_quota(life: Life) -> None:
    tried = await asyncio.gather(*(life.accept(1, KEY) for _ in range(20)), return_exceptions=True)

    assert len([each for each in tried if isinstance(each, list)]) == 3
    assert len([each for each in tried if isinstance(each, QuotaExceeded)]) == 17
    assert await life.count("jobs") == 3


async def test_another_key_and_another_owner_have_quotas_of_their_own(life: Life) -> None:
    await life.accept(3, KEY)

    assert len(await life.accept(5, OTHER)) == 5
    assert len(await life.accept(3, B.model_copy(update={"key_id": "k1", "monthly_jobs": 3}))) == 3


async def test_the_account_has_a_quota_over_all_its_keys(life: Life) -> None:
    jobs = replace(life.jobs, ledger=replace(life.ledger, quota=Quota(monthly_jobs=4)))
    await jobs.accept_all([NewJob(plan(KEY)) for _ in range(3)], KEY)
    await jobs.accept_all([NewJob(plan(OTHER))], OTHER)

    with pytest.raises(QuotaExceeded) as refusal:
        await jobs.accept_all([NewJob(plan(A))], A)
    with pytest.raises(QuotaExceeded):
        await jobs.check_room(OTHER)

    assert refusal.value.limit == {"max_monthly_jobs": 4, "of": "account"}
    assert len(await jobs.accept_all([NewJob(plan(B))], B)) == 1


async def test_a_picture_for_a_job_beyond_the_quota_is_not_even_taken_in(life: Life) -> None:
    await life.jobs.check_room(KEY)
    await life.accept(3, KEY)

    with pytest.raises(QuotaExceeded):
        await life.jobs.check_room(KEY)


async def test_what_imagemill_does_for_itself_uses_up_no_quota(life: Life) -> None:
    await life.accept(3, KEY)
    (own,) = await life.jobs.accept_all([NewJob(plan(KEY))], KEY, is_counted=False)

    assert own.id
    assert (await used(life))["k1"].jobs == 3


async def test_a_job_that_is_tried_again_is_one_job(tmp_path: Path) -> None:
    async with living(tmp_path, patience=Patience().with_retries(2)) as life:
        (job,) = await life.accept(1, KEY)
        await life.fail(await life.claimed(job))
        await ended(life, [job])

        found = (await used(life))["k1"]

    assert (found.jobs, found.completed, found.failed) == (1, 1, 0)
