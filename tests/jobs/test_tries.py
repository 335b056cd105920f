"""A job is tried as long as that may help, and never longer: in a real database."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagemill.errors import Conflict, NotFound
from imagemill.jobs.job import Job, Terms
from imagemill.jobs.records import letters
from imagemill.jobs.states import Outcome, Patience, Status
from tests.jobs.life import A, B, Life, living


async def test_pauses_grow_until_the_tries_are_used_up_and_a_letter_tells_it_all(
    life: Life,
) -> None:
    (job,) = await life.accept()
    for pause_s in (0, 5, 30, 180):
        await life.fail(await life.claimed(job))
        rests_until = (await life.job(job)).rests_until
        assert rests_until == (life.clock.now + pause_s if pause_s else None)
        await life.pass_(pause_s)

    await life.fail(await life.claimed(job), "internal")

    ended = await life.job(job)
    assert (ended.standing.status, ended.error and ended.error["code"]) == ("failed", "internal")
    history = await life.history(job)
    assert [each.number for each in history] == [1, 2, 3, 4, 5]
    codes = [each.error and each.error["code"] for each in history]
    assert codes == [*["timeout"] * 4, "internal"]
    letter = await life.database.read(lambda each: letters.get(each, job.id, "A"))
    assert (letter.reason, letter.state) == ("internal", "waiting")
    assert (await life.events(job))[-1] == "job.dead"
    assert await life.unfinished() == 0


async def test_a_resting_job_is_not_lent_and_is_announced_when_it_has_rested(life: Life) -> None:
    job = await rested(life, Terms())

    await life.pass_(4)
    assert (await life.claim(job), await life.queued()) == (None, [])

    await life.pass_(1)
    assert await life.queued() == [job.id]
    assert (await life.claimed(job)).attempt == 3


async def rested(life: Life, terms: Terms) -> Job:
    """Make a job that has failed twice and rests for five seconds."""
    (job,) = await life.accept(terms=terms)
    for _ in range(2):
        await life.fail(await life.claimed(job))
    await life.relayed()
    await life.empty_queue()
    return job


async def test_a_pause_is_not_cut_short_by_the_message_that_the_relay_notes_late(
    life: Life,
) -> None:
    job = await rested(life, Terms())
    life.clock.now += 5
    await life.sweeper.once()
    published = await life.relay._round([])
    await life.fail(await life.claimed(job))
    await life.relay._round(published)

    await life.empty_queue()
    await life.pass_(15)

    assert (await life.queued(), await life.claim(job)) == ([], None)
    await life.pass_(15)
    assert await life.queued() == [job.id]


async def test_a_picture_that_is_wrong_fails_at_once_without_a_letter(life: Life) -> None:
    (job,) = await life.accept()

    await life.fail(await life.claimed(job), "corrupt")

    assert (await life.job(job)).standing.status is Status.FAILED
    assert (await life.events(job))[-1] == "job.failed"
    assert await life.count("dead_letters") == 0


async def test_a_poisonous_picture_is_tried_twice(life: Life) -> None:
    (job,) = await life.accept()

    await life.die(job)

    letter = await life.database.read(lambda each: letters.get(each, job.id, "A"))
    assert (letter.reason, len(await life.history(job))) == ("decoder_crashed", 2)


@pytest.mark.parametrize(("of_all", "of_job", "tries"), [(4, 0, 1), (4, 1, 2), (0, 2, 3)])
async def test_a_job_may_have_another_number_of_retries(
    tmp_path: Path, of_all: int, of_job: int, tries: int
) -> None:
    patience = Patience().with_retries(of_all)
    async with living(tmp_path, patience=patience) as life:
        (job,) = await life.accept(terms=Terms(max_retries=of_job))

        for _ in range(tries):
            await life.pass_(200)
            await life.fail(await life.claimed(job))

        assert (await life.job(job)).standing.status is Status.FAILED
        assert await life.count("dead_letters") == 1


async def test_a_job_that_twenty_workers_died_with_is_a_dead_letter(life: Life) -> None:
    (job,) = await life.accept()

    for _ in range(20):
        await life.claimed(job)
        await life.pass_(life.settings.lease_s + 1)

    ended = await life.job(job)
    assert (ended.standing.status, ended.standing.failures) == (Status.FAILED, 0)
    assert ended.error is not None
    assert ended.error["code"] == "worker_lost"
    assert {each.outcome for each in await life.history(job)} == {Outcome.LOST}
    letter = await life.database.read(lambda each: letters.get(each, job.id, "A"))
    assert letter.reason == "worker_lost"


async def test_what_is_given_back_costs_no_try_and_goes_first(life: Life) -> None:
    (job,) = await life.accept()
    claim = await life.claimed(job)
    await life.accept(5, B)

    await life.give_back(claim)

    assert (await life.relayed())[0] == job.id
    (attempt,) = await life.history(job)
    assert (attempt.outcome, attempt.error) == (Outcome.GIVEN_BACK, {"message": "A stop."})
    standing = (await life.job(job)).standing
    assert (standing.status, standing.failures, standing.lost) == (Status.QUEUED, 0, 0)
    with pytest.raises(Conflict):
        await life.give_back(claim)


async def test_what_is_given_back_for_a_while_rests(life: Life) -> None:
    (job,) = await life.accept()

    await life.give_back(await life.claimed(job), pause_s=3)

    assert await life.claim(job) is None
    await life.pass_(3)
    assert (await life.claimed(job)).attempt == 2


async def test_a_job_that_still_waits_at_its_deadline_fails(life: Life) -> None:
    (job,) = await life.accept(deadline_s=10)

    await life.pass_(11)

    assert await is_overdue(life, job)
    assert await life.claim(job) is None
    assert await life.history(job) == []


async def test_a_job_that_is_at_work_at_its_deadline_fails_and_its_finish_is_late(
    life: Life,
) -> None:
    (job,) = await life.accept(deadline_s=10)
    claim = await life.claimed(job)
    assert claim.timeout_s == 10

    await life.pass_(11)

    assert await is_overdue(life, job)
    assert await life.finish(claim) is not None
    assert [each.outcome for each in await life.history(job)] == [Outcome.OVERDUE]


async def is_overdue(life: Life, job: Job) -> bool:
    ended = await life.job(job)
    assert ended.error is not None
    assert (ended.error["code"], ended.terms.deadline_at) == ("deadline_passed", None)
    assert (await life.count("dead_letters"), await life.unfinished()) == (0, 0)
    return ended.standing.status is Status.FAILED


async def test_a_job_that_ended_in_time_does_not_hear_of_its_deadline(life: Life) -> None:
    (job,) = await life.accept(deadline_s=10)
    await life.finish(await life.claimed(job))

    await life.pass_(11)

    assert (await life.job(job)).standing.status is Status.COMPLETED


async def test_an_attempt_has_the_time_that_the_job_or_the_settings_say(life: Life) -> None:
    (usual,) = await life.accept()
    (long,) = await life.accept(terms=Terms(timeout_s=90))

    timeouts = [(await life.claimed(each)).timeout_s for each in (usual, long)]

    assert timeouts == [life.settings.timeout_s, 90]


@pytest.mark.parametrize("is_at_work", [False, True])
async def test_a_cancelled_job_is_over_and_its_worker_learns_it(
    life: Life, *, is_at_work: bool
) -> None:
    (job,) = await life.accept()
    claim = await life.claimed(job) if is_at_work else None

    await life.jobs.cancel(job.id, A)

    assert (await life.job(job)).standing.status is Status.CANCELLED
    assert (await life.events(job))[-1] == "job.cancelled"
    if claim is None:
        assert await life.claim(job) is None
    else:
        with pytest.raises(Conflict):
            await life.beat(claim)
        assert await life.finish(claim) is not None
    with pytest.raises(Conflict):
        await life.jobs.cancel(job.id, A)


async def test_a_resting_job_that_is_cancelled_is_never_announced(life: Life) -> None:
    job = await rested(life, Terms())

    await life.jobs.cancel(job.id, A)
    await life.pass_(200)

    assert (await life.job(job)).standing.status is Status.CANCELLED
    assert await life.queued() == []


async def test_nobody_cancels_the_job_of_somebody_else(life: Life) -> None:
    (job,) = await life.accept()

    with pytest.raises(NotFound):
        await life.jobs.cancel(job.id, B)
