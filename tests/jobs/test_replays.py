"""What went wrong is done again once somebody says so: jobs, dead letters, and batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from imagemill.database import Connection
from imagemill.errors import Conflict, InvalidRequest, NotFound
from imagemill.jobs.batch_request import batch_wish_of
from imagemill.jobs.batches import Batches, BatchState
from imagemill.jobs.job import Batch, Job
from imagemill.jobs.records.letters import LetterListing
from imagemill.jobs.replays import Replays
from imagemill.jobs.states import Status
from tests.jobs.life import A, B, Life, living

WAITING = LetterListing(limit=10)
SMALL = [{"op": "resize", "width": 32}, {"op": "convert", "format": "png"}]


@pytest.fixture
def replays(life: Life) -> Replays:
    return Replays(life.jobs)


@pytest.fixture
def batches(life: Life, replays: Replays) -> Batches:
    return Batches(life.jobs, replays)


async def dead(life: Life) -> Job:
    (job,) = await life.accept()
    await life.die(job)
    return job


async def test_a_replay_is_a_new_job_that_names_the_old_one(life: Life, replays: Replays) -> None:
    old = await dead(life)

    new = await replays.job(old.id, A)

    assert (new.place.replay_of, new.standing.status) == (old.id, Status.QUEUED)
    assert [each.name for each in new.outputs] == [each.name for each in old.outputs]
    assert (await life.job(old)).standing.status is Status.FAILED
    letter = (await replays.letter(old.id, A)).letter
    assert (letter.state, letter.replayed_as) == ("replayed", new.id)


async def test_the_second_replay_of_a_letter_is_refused_and_makes_nothing(
    life: Life, replays: Replays
) -> None:
    old = await dead(life)
    new = await replays.job(old.id, A)

    with pytest.raises(Conflict, match=new.id):
        await replays.job(old.id, A)

    assert await life.count("jobs") == 2


async def test_a_letter_that_was_discarded_is_neither_replayed_nor_discarded_again(
    life: Life, replays: Replays
) -> None:
    old = await dead(life)

    await replays.discard(old.id, A)

    with pytest.raises(Conflict, match="discarded"):
        await replays.job(old.id, A)
    with pytest.raises(Conflict, match="discarded"):
        await replays.discard(old.id, A)
    assert await replays.letters("A", WAITING) == []


async def test_a_letter_shows_all_attempts_and_the_picture(life: Life, replays: Replays) -> None:
    old = await dead(life)

    found = await replays.letter(old.id, A)

    assert [each.number for each in found.attempts] == [1, 2]
    assert (found.job.id, found.image) == (old.id, life.images["A-1"])


async def test_letters_are_their_owners_alone(life: Life, replays: Replays) -> None:
    old = await dead(life)

    assert await replays.letters("B", WAITING) == []
    for refused in (replays.letter, replays.discard, replays.job):
        with pytest.raises(NotFound):
            await refused(old.id, B)


async def test_letters_are_filtered_by_reason_type_and_time(life: Life, replays: Replays) -> None:
    old = await dead(life)
    now = life.clock.now

    async def fits(**wanted: str | float) -> bool:
        found = await replays.letters("A", LetterListing(limit=1, **wanted))  # type: ignore[arg-type] # the fields differ in kind
        return [each.job_id for each in found] == [old.id]

    assert await fits(reason="decoder_crashed", type="pipeline", since=now, until=now + 1)
    assert not await fits(reason="timeout")
    assert not await fits(type="resize")
    assert not await fits(since=now + 1)
    assert not await fits(until=now)


@pytest.mark.parametrize("end", ["waits", "is at work", "is completed"])
async def test_only_what_went_wrong_is_done_again(life: Life, replays: Replays, end: str) -> None:
    (job,) = await life.accept()
    if end != "waits":
        claim = await life.claimed(job)
    if end == "is completed":
        await life.finish(claim)

    with pytest.raises(Conflict, match="went wrong"):
        await replays.job(job.id, A)


async def test_what_was_cancelled_can_be_done_again(life: Life, replays: Replays) -> None:
    (job,) = await life.accept()
    await life.jobs.cancel(job.id, A)

    assert (await replays.job(job.id, A)).place.replay_of == job.id


async def test_what_has_no_picture_any_more_is_not_done_again(life: Life, replays: Replays) -> None:
    old = await dead(life)
    del life.images["A-1"]

    with pytest.raises(NotFound, match="deleted"):
        await replays.job(old.id, A)

    assert (await replays.letter(old.id, A)).letter.state == "waiting"


def nothing_more(_: Connection, __: Batch) -> None:
    """Keep nothing beside a batch."""


async def batch_of(life: Life, batches: Batches, names: Sequence[str]) -> Batch:
    items = [{"input": {"image_id": each}} for each in names]
    wish = {"items": items, "outputs": {"small": SMALL}, "fresh": True}
    return await batches.accept(batch_wish_of(wish, has_files=False), A, nothing_more)


async def jobs_of(batches: Batches, batch: Batch) -> Sequence[Job]:
    return (await batches.items(batch.id, A, -1, 100, "")).jobs


def counts(state: BatchState) -> tuple[int, int, int, int]:
    batch = state.batch
    return (state.processing, batch.completed, batch.failed, batch.cancelled)


async def test_a_batch_counts_its_jobs_and_is_completed_once(life: Life, batches: Batches) -> None:
    batch = await batch_of(life, batches, ["A-1", "A-2", "A-1"])
    first, second, third = await jobs_of(batches, batch)

    claims = [await life.claimed(first), await life.claimed(second)]
    assert counts(await batches.get(batch.id, A)) == (2, 0, 0, 0)
    await life.finish(claims[0])
    await life.finish(claims[0])
    await life.fail(claims[1], "corrupt")
    assert (await batches.get(batch.id, A)).batch.finished_at is None
    await life.jobs.cancel(third.id, A)

    assert counts(await batches.get(batch.id, A)) == (0, 1, 1, 1)
    told = Counter(each.type for each in await life.events_of_batch(batch.id))
    assert (told["batch.completed"], told["job.queued"], told["job.completed"]) == (1, 3, 1)
    assert (await life.events_of_batch(batch.id))[-1].ends_batch


async def test_a_failure_that_is_tried_again_is_not_counted(life: Life, batches: Batches) -> None:
    batch = await batch_of(life, batches, ["A-1"])
    (job,) = await jobs_of(batches, batch)

    await life.fail(await life.claimed(job))

    assert counts(await batches.get(batch.id, A)) == (0, 0, 0, 0)
    await life.finish(await life.claimed(job))
    assert counts(await batches.get(batch.id, A)) == (0, 1, 0, 0)


async def test_a_batch_whose_results_are_all_there_is_over_at_once(
    life: Life, batches: Batches
) -> None:
    wish = {"items": [{"input": {"image_id": "A-1"}}] * 2, "outputs": {"small": SMALL}}
    first = await batches.accept(batch_wish_of(wish, has_files=False), A, nothing_more)
    for job in await jobs_of(batches, first):
        await life.finish(await life.claimed(job))

    second = await batches.accept(batch_wish_of(wish, has_files=False), A, nothing_more)

    assert (second.completed, second.finished_at) == (2, life.clock.now)
    types = [each.type for each in await life.events_of_batch(second.id)]
    assert types.count("batch.completed") == 1
    assert types[-1] == "batch.completed"


async def test_a_batch_with_an_unknown_picture_is_refused_as_a_whole(
    life: Life, batches: Batches
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await batch_of(life, batches, ["A-1", "nobody", "A-2", "B-1?"])

    assert [each.field for each in refused.value.errors] == [
        "items.1.input.image_id",
        "items.3.input.image_id",
    ]
    assert await life.count("jobs") == 0


async def test_the_failed_items_of_a_batch_are_done_again_alone(
    life: Life, batches: Batches
) -> None:
    batch = await batch_of(life, batches, ["A-1", "A-2", "A-1"])
    good, wrong, poison = await jobs_of(batches, batch)
    await life.finish(await life.claimed(good))
    await life.fail(await life.claimed(wrong), "corrupt")
    await life.die(poison)

    again = await batches.replay(batch.id, A, nothing_more)

    assert (again.total, again.replay_of) == (2, batch.id)
    replayed = [each.place.replay_of for each in await jobs_of(batches, again)]
    assert replayed == [wrong.id, poison.id]


async def test_what_was_decided_about_every_letter_of_a_batch_is_not_done_again(
    life: Life, batches: Batches
) -> None:
    batch = await batch_of(life, batches, ["A-1"])
    (poison,) = await jobs_of(batches, batch)
    await life.die(poison)
    await batches.replay(batch.id, A, nothing_more)

    with pytest.raises(Conflict):
        await batches.replay(batch.id, A, nothing_more)


async def test_a_batch_without_failures_has_nothing_to_do_again(
    life: Life, batches: Batches
) -> None:
    batch = await batch_of(life, batches, ["A-1"])

    with pytest.raises(Conflict, match="failed"):
        await batches.replay(batch.id, A, nothing_more)


async def test_a_cancelled_batch_cancels_what_has_not_ended(life: Life, batches: Batches) -> None:
    batch = await batch_of(life, batches, ["A-1"] * 250)
    first, second, *_ = await jobs_of(batches, batch)
    await life.finish(await life.claimed(first))
    claim = await life.claimed(second)

    state = await batches.cancel(batch.id, A)

    assert counts(state) == (0, 1, 0, 249)
    assert await life.finish(claim) is not None
    with pytest.raises(Conflict):
        await batches.cancel(batch.id, A)
    assert await life.unfinished() == 0


async def test_a_batch_is_forgotten_with_its_jobs(tmp_path: Path) -> None:
    async with living(tmp_path, keep_jobs_s=1000) as life:
        batches = Batches(life.jobs, Replays(life.jobs))
        batch = await batch_of(life, batches, ["A-1", "A-2"])
        for job in await jobs_of(batches, batch):
            assert await life.finish(await life.claimed(job)) is None

        await life.pass_(1001)

        tables = ("batches", "jobs", "events")
        assert [await life.count(each) for each in tables] == [0, 0, 0]
