"""What was promised is kept: acceptance, messages, leases, and results, in a real database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from imagemill.database import Connection
from imagemill.errors import NotFound, QueueFull, RequestInProgress, TooManyJobs
from imagemill.idempotency import Remembered
from imagemill.idempotency import records as answers
from imagemill.jobs.job import Job, Terms
from imagemill.jobs.ledger import Bounds
from imagemill.jobs.states import Status
from imagemill.jobs.turns import Priority
from tests.jobs.life import A, B, Life, living


@pytest.mark.both_engines
async def test_a_job_is_accepted_with_its_outbox_row_and_its_event(life: Life) -> None:
    (job,) = await life.accept()

    assert await life.job(job) == job
    assert (await life.count("outbox"), await life.events(job)) == (1, ["job.queued"])
    assert await life.unfinished() == 1


async def test_what_cannot_be_kept_beside_a_job_undoes_the_job(life: Life) -> None:
    def refuse(_: Connection, __: Sequence[Job]) -> None:
        raise NotFound("on purpose")

    with pytest.raises(NotFound, match="on purpose"):
        await life.accept(3, keep=refuse)

    left = [await life.count(each) for each in ("jobs", "job_outputs", "outbox", "events")]
    assert (left, await life.unfinished()) == ([0, 0, 0, 0], 0)


@pytest.mark.both_engines
async def test_a_remembered_answer_is_kept_in_the_transaction_of_its_job(life: Life) -> None:
    def keep(connection: Connection, made: Sequence[Job]) -> None:
        told = Remembered("meaning", 202, None, "{}", made[0].id, connection.now())
        answers.keep(connection, "A", "key", told)

    (job,) = await life.accept(keep=keep)
    with pytest.raises(RequestInProgress):
        await life.accept(keep=keep)

    found = await life.database.read(lambda each: answers.find(each, "A", "key", 0))
    assert found is not None
    assert (found.made, await life.count("jobs")) == (job.id, 1)


async def test_jobs_are_announced_as_they_came(life: Life) -> None:
    made = await life.accept(5)

    await life.relayed()

    assert await life.queued() == [job.id for job in made]
    assert await life.count("outbox") == 0


@pytest.mark.both_engines
async def test_no_more_jobs_are_announced_than_workers_come_for(life: Life) -> None:
    made = await life.accept(100)
    await life.relayed()
    assert len(await life.queued()) == life.relay.window.size == 16

    for job in made[:16]:
        await life.claim(job)
    await life.relayed()

    assert len(await life.queued()) > 16


async def test_ten_jobs_of_another_owner_go_before_what_is_left_of_ten_thousand(life: Life) -> None:
    made = await life.accept(10_000)
    first = await life.relayed()
    by_id = {job.id: job for job in made}
    for job_id in first:
        await life.claim(by_id[job_id])

    theirs = {job.id for job in await life.accept(10, B)}

    following = await life.relayed()
    assert theirs <= set(following[:20])


async def test_a_high_job_is_announced_before_normal_ones_that_came_earlier(life: Life) -> None:
    await life.accept(5)
    (high,) = await life.accept(owner=B, terms=Terms(priority=Priority.HIGH))

    assert (await life.relayed())[0] == high.id


async def test_the_clock_of_turns_never_goes_back(life: Life) -> None:
    await life.accept(10)
    published = await life.relay._round([])
    (late,) = await life.accept(owner=B)

    published = await life.relay._round(published)
    assert [each.job_id for each in published] == [late.id]
    await life.relay._round(published)

    rows = await life.database.read(lambda each: each.execute("SELECT turn FROM turns"))
    assert [row["turn"] for row in rows] == [80]


@pytest.mark.both_engines
async def test_a_message_that_was_lost_is_announced_again(life: Life) -> None:
    made = await life.accept(3)
    await life.relayed()

    await life.empty_queue()
    await life.pass_(11)

    assert sorted(await life.queued()) == [job.id for job in made]
    assert [(await life.finish(await life.claimed(job))) for job in made] == [None] * 3


async def test_a_message_that_is_only_late_is_not_announced_again(life: Life) -> None:
    await life.accept(3)
    await life.relayed()

    await life.pass_(60)

    assert len(await life.queued()) == 3


async def test_a_message_that_comes_thrice_is_one_attempt(life: Life) -> None:
    (job,) = await life.accept()

    claims = [await life.claim(job) for _ in range(3)]

    assert [claim is not None for claim in claims] == [True, False, False]
    assert (await life.job(job)).standing.attempt == 1


async def test_a_message_about_an_ended_job_changes_nothing(life: Life) -> None:
    (job,) = await life.accept()
    await life.finish(await life.claimed(job))
    ended = await life.job(job)

    assert await life.claim(job) is None
    assert await life.job(job) == ended
    assert await life.events(job) == ["job.queued", "job.started", "job.completed"]


async def test_a_job_that_nobody_knows_is_not_lent(life: Life) -> None:
    (job,) = await life.accept()
    await life.database.run(lambda each: each.execute("DELETE FROM job_outputs"))
    await life.database.run(lambda each: each.execute("DELETE FROM jobs"))

    assert await life.claim(job) is None


@pytest.mark.both_engines
async def test_a_silent_workers_job_goes_to_another_and_its_late_finish_is_refused(
    life: Life,
) -> None:
    (job,) = await life.accept()
    stale = await life.claimed(job)

    await life.pass_(life.settings.lease_s + 1)
    fresh = await life.claimed(job)

    refusal = await life.finish(stale)
    assert refusal is not None
    assert "lease is over" in refusal
    assert (fresh.attempt, fresh.lease_id != stale.lease_id) == (2, True)
    assert (await life.job(job)).standing.status is Status.PROCESSING
    assert await life.finish(fresh) is None


async def test_a_result_is_recorded_once(life: Life) -> None:
    (job,) = await life.accept()
    claim = await life.claimed(job)

    told = [await life.finish(claim) for _ in range(2)]

    assert (told[0], told[1] is None) == (None, False)
    assert (await life.count("results"), len(await life.history(job))) == (1, 1)
    assert (await life.events(job)).count("job.completed") == 1
    assert await life.unfinished() == 0


@pytest.mark.both_engines
async def test_a_worker_that_beats_keeps_its_job(life: Life) -> None:
    (job,) = await life.accept()
    claim = await life.claimed(job)

    for progress in (10, 10, 40):
        await life.beat(claim, progress)
        await life.pass_(life.settings.lease_s - 1)

    assert (await life.events(job)).count("job.progress") == 2
    assert (await life.job(job)).progress == 40
    assert await life.finish(claim) is None


async def test_one_job_too_many_of_an_owner_is_refused_and_others_are_not(tmp_path: Path) -> None:
    async with living(tmp_path, bounds=Bounds(of_owner=3, in_all=100)) as life:
        made = await life.accept(3)

        with pytest.raises(TooManyJobs) as refused:
            await life.accept()

        assert (refused.value.status, refused.value.retry_after_s) == (429, 10)
        await life.accept(owner=B)
        await life.finish(await life.claimed(made[0]))
        await life.accept(owner=A)


async def test_one_job_too_many_of_all_is_refused_and_of_a_batch_none_is_kept(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, bounds=Bounds(of_owner=100, in_all=5)) as life:
        await life.accept(3)

        with pytest.raises(QueueFull) as refused:
            await life.accept(3, B)

        assert (refused.value.status, refused.value.retry_after_s) == (503, 10)
        assert await life.count("jobs") == 3
