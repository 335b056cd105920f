"""Jobs whose image is fetched: accepted at once, worked on when it is there, ended when not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import ImageEvent, IntakeError
from imagemill.errors import (
    Conflict,
    ImageInUse,
    InvalidRequest,
    NotFound,
    Unavailable,
    UrlNotAllowed,
)
from imagemill.jobs.batch_request import batch_wish_of
from imagemill.jobs.batches import Batches
from imagemill.jobs.feeding import starve
from imagemill.jobs.job import Job
from imagemill.jobs.records import batches
from imagemill.jobs.replays import Replays
from imagemill.jobs.request import wish_of, wish_of_fields
from imagemill.jobs.states import Status
from imagemill.jobs.waiting import Waiting
from tests.jobs.life import A, Life

URL = "https://images.example.com/a.jpg"
MARK = "https://images.example.com/mark.png"
OUTPUTS = {"small": [{"op": "resize", "width": 16}]}


async def submitted(
    life: Life,
    outputs: Mapping[str, Any] = OUTPUTS,
    input_: object = None,
    **more: object,
) -> Job:
    """Take on a job by URL, or on what is given."""
    wish = wish_of({"input": input_ or {"url": URL}, "outputs": outputs, **more})
    return await life.jobs.accept(await life.jobs.plan(wish, A), A)


async def asked(life: Life) -> None:
    """Let the loop look once for what became of images."""
    at_once = "UPDATE waits SET ask_at = 0 WHERE ask_at > 0"
    await life.database.run(lambda each: each.execute(at_once))
    await Waiting(life.jobs)._round()


async def test_a_job_by_url_is_queued_and_nobody_can_claim_it(life: Life) -> None:
    job = await submitted(life)

    await asked(life)

    assert (job.standing.status, await life.relayed()) == (Status.QUEUED, [])
    assert await life.claim(job) is None
    assert [(each.image_id, each.owner, each.url) for each in life.promised] == [
        (job.image_id, "A", URL)
    ]
    assert await life.unfinished() == 1


@pytest.mark.both_engines
async def test_a_job_goes_on_when_its_image_is_there(life: Life) -> None:
    job = await submitted(life)
    await asked(life)
    life.come(job.image_id)

    await asked(life)

    assert await life.relayed() == [job.id]
    claim = await life.claimed(job)
    assert claim.storage_key == f"originals/{job.image_id}"
    assert await life.finish(claim) is None
    assert (await life.job(job)).standing.status is Status.COMPLETED
    assert [each.url for each in life.promised] == [URL, None]
    assert await life.unfinished() == 0


async def test_the_key_that_asked_brings_the_image_in(life: Life) -> None:
    caller = Identity(account="A", key_id="k1", stored_bytes=1000)
    wish = wish_of({"input": {"url": URL}, "outputs": OUTPUTS})
    await life.jobs.accept(await life.jobs.plan(wish, caller), caller)

    await asked(life)

    assert [(each.key_id, each.stored_bytes) for each in life.promised] == [("k1", 1000)]


async def test_uploads_is_asked_until_it_answers(life: Life) -> None:
    await submitted(life)
    life.is_uploads_down = True
    with pytest.raises(Unavailable):
        await asked(life)

    life.is_uploads_down = False
    await asked(life)

    assert [each.url for each in life.promised] == [URL]


@pytest.mark.parametrize("code", ["source_blocked", "source_unavailable", "unsupported_format"])
async def test_a_job_whose_image_does_not_come_fails_with_its_reason(life: Life, code: str) -> None:
    job = await submitted(life)
    life.not_come(job.image_id, code)

    await asked(life)

    ended = await life.job(job)
    assert (ended.standing.status, ended.standing.attempt) == (Status.FAILED, 0)
    assert ended.error is not None
    assert ended.error["code"] == code
    assert await life.events(job) == ["job.queued", "job.failed"]
    assert (await life.unfinished(), await life.count("dead_letters")) == (0, 0)


async def test_a_plan_that_turns_out_impossible_fails_the_job(life: Life) -> None:
    crop = {"c": [{"op": "crop", "left": 5000, "top": 0, "width": 10, "height": 10}]}
    job = await submitted(life, crop)
    life.come(job.image_id)

    await asked(life)

    ended = await life.job(job)
    assert ended.error is not None
    assert (ended.standing.status, ended.error["code"]) == (Status.FAILED, "output_impossible")


async def test_a_job_that_nobody_can_plan_ends_and_holds_no_other_up(life: Life) -> None:
    broken, good = await submitted(life), await submitted(life)
    for each in (broken, good):
        life.come(each.image_id)
    image = life.images[broken.image_id]
    facts = image.facts.model_copy(update={"width": 0})
    life.images[broken.image_id] = image.model_copy(update={"facts": facts})

    await asked(life)

    ended = await life.job(broken)
    assert ended.error is not None
    assert (ended.standing.status, ended.error["code"]) == (Status.FAILED, "internal")
    assert await life.relayed() == [good.id]


async def test_a_job_that_waits_no_more_does_not_end_for_its_image(life: Life) -> None:
    job = await submitted(life)
    life.come(job.image_id)
    await asked(life)
    error = IntakeError(code="not_found", message="It is gone.")

    with pytest.raises(Conflict):
        await life.database.run(lambda each: starve(life.jobs.ledger, each, job.id, error))

    assert (await life.job(job)).standing.status is Status.QUEUED


async def test_results_that_are_stored_already_complete_the_job(life: Life) -> None:
    first = await submitted(life, input_={"image_id": "A-1"})
    await life.relayed()
    await life.finish(await life.claimed(first))
    job = await submitted(life)
    fresh = await submitted(life, fresh=True)
    for each in (job, fresh):
        life.come(each.image_id, kept_as="A-1")

    await asked(life)

    ended = await life.job(job)
    assert (ended.standing.status, ended.is_cached) == (Status.COMPLETED, True)
    assert await life.relayed() == [fresh.id]


async def test_what_a_waiting_job_needs_is_not_deleted_under_it(life: Life) -> None:
    mark = {"m": [{"op": "watermark", "image_id": "A-2"}, {"op": "watermark", "url": MARK}]}
    job = await submitted(life, mark)
    await asked(life)
    needed = [each.image_id for each in life.promised]

    for image_id in ("A-2", *needed):
        with pytest.raises(ImageInUse):
            await life.jobs.release_image(image_id, A, force=False)
    await life.jobs.release_image("A-2", A, force=True)

    assert len(needed) == 2
    assert (await life.job(job)).standing.status is Status.CANCELLED
    replayed = await Replays(life.jobs).job(job.id, A)
    assert "A-2" in replayed.pictures
    assert needed[0] not in replayed.pictures


async def test_a_job_that_waits_can_be_cancelled(life: Life) -> None:
    job = await submitted(life)
    await life.jobs.cancel(job.id, A)
    life.come(job.image_id)

    await asked(life)

    assert (await life.job(job)).standing.status is Status.CANCELLED
    assert (await life.relayed(), life.promised) == ([], [])


async def test_a_deadline_counts_while_a_job_waits(life: Life) -> None:
    job = await submitted(life, deadline_s=10)

    await life.pass_(11)

    ended = await life.job(job)
    assert ended.error is not None
    assert ended.error["code"] == "deadline_passed"


async def test_a_watermark_may_come_from_a_url_too(life: Life) -> None:
    outputs = {"marked": [{"op": "watermark", "url": MARK}]}
    job = await submitted(life, outputs)
    await asked(life)
    urls = {each.url: each.image_id for each in life.promised}
    life.come(urls[URL])
    await asked(life)
    assert await life.relayed() == []
    life.come(urls[MARK], kept_as="A-2")

    await asked(life)

    assert await life.relayed() == [job.id]
    claim = await life.claimed(job)
    assert claim.pictures == {"A-2": "originals/A-2"}
    assert claim.outputs["marked"][0]["image_id"] == "A-2"
    assert "url" not in claim.outputs["marked"][0]


async def test_an_image_that_is_on_its_way_is_waited_for_by_its_id(life: Life) -> None:
    life.pending = {"soon"}

    job = await submitted(life, input_={"image_id": "soon"})
    await asked(life)
    life.come("soon")
    await asked(life)

    assert await life.relayed() == [job.id]


async def test_a_failed_job_by_url_is_done_again_with_a_new_fetch(life: Life) -> None:
    job = await submitted(life)
    life.not_come(job.image_id, "source_unavailable")
    await asked(life)

    again = await Replays(life.jobs).job(job.id, A)
    await asked(life)

    assert again.image_id != job.image_id
    assert [each.url for each in life.promised] == [URL, URL]
    life.come(again.image_id)
    await asked(life)
    assert await life.relayed() == [again.id]


async def test_items_of_a_batch_have_each_their_own_url_and_end(life: Life) -> None:
    urls = [URL, "http://127.0.0.1/", f"{URL}?b"]
    items = [{"input": {"url": each}} for each in urls]
    wish = batch_wish_of({"items": items, "outputs": OUTPUTS}, has_files=False)

    batch = await Batches(life.jobs, Replays(life.jobs)).accept(wish, A, lambda *_: None)
    await asked(life)
    ids = {each.url: each.image_id for each in life.promised}
    life.come(ids[URL])
    life.not_come(ids[f"{URL}?b"], "source_blocked")
    await asked(life)

    (job_id,) = await life.relayed()
    await life.finish(await life.claimed(await life.jobs.get(job_id, A)))
    state = await life.database.read(lambda each: batches.get(each, batch.id, "A"))
    assert (state.total, state.completed, state.failed) == (3, 1, 2)
    assert state.finished_at is not None


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "ftp://a.example/", "http://intranet/"])
async def test_a_url_that_is_never_allowed_is_refused_at_once(life: Life, url: str) -> None:
    with pytest.raises(UrlNotAllowed):
        await submitted(life, input_={"url": url})
    with pytest.raises(UrlNotAllowed):
        await submitted(life, {"m": [{"op": "watermark", "url": url}]}, {"image_id": "A-1"})


async def test_what_is_missing_besides_is_refused_at_once(life: Life) -> None:
    with pytest.raises(InvalidRequest):
        await submitted(life, {"m": [{"op": "watermark", "image_id": "nobody"}]})
    with pytest.raises(NotFound):
        await submitted(life, {"m": [{"op": "watermark", "url": URL}]}, {"image_id": "nobody"})


@pytest.mark.parametrize("input_", [{}, {"image_id": "A-1", "url": URL}, {"url": 1}])
def test_a_job_has_one_image(input_: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        wish_of({"input": input_, "outputs": OUTPUTS})


def test_a_short_form_takes_a_url() -> None:
    assert wish_of_fields("resize", {"url": URL, "width": "16"}).url == URL
    marked = wish_of_fields("watermark", {"url": MARK, "input": {"url": URL}})
    assert (marked.url, marked.outputs["result"][0].origin) == (URL, MARK)


async def test_an_end_that_the_log_tells_of_is_acted_on(life: Life) -> None:
    waiting = Waiting(life.jobs)
    loops = [asyncio.create_task(each()) for each in (waiting.ask, waiting.listen)]
    job = await submitted(life)
    await life.was_asked.wait()
    life.bells.outbox.clear()
    life.come(job.image_id)
    event = ImageEvent(id=1, type="image.stored", image_id=job.image_id, owner="A", at=0)
    life.image_events.append(event)

    async with asyncio.timeout(10):
        await life.bells.outbox.wait()

    assert await life.relayed() == [job.id]
    for loop in loops:
        loop.cancel()
    await asyncio.wait(loops)


async def test_a_job_that_does_not_wait_any_more_is_left_alone(life: Life) -> None:
    job = await submitted(life)
    life.come(job.image_id)
    await asked(life)

    await asked(life)

    assert await life.relayed() == [job.id]
    with pytest.raises(Conflict):
        await Replays(life.jobs).job(job.id, A)
