"""Where a job or a batch asks to be told of its end."""

from __future__ import annotations

import pytest

from imagemill.database import Connection
from imagemill.errors import InvalidRequest, UrlNotAllowed
from imagemill.jobs.batch_request import batch_wish_of
from imagemill.jobs.batches import Batches
from imagemill.jobs.job import Batch, Job, Terms
from imagemill.jobs.replays import Replays
from imagemill.jobs.request import wish_of, wish_of_fields
from imagemill.jobs.views import job_view
from tests.jobs.life import A, Life

URL = "https://example.com/told"
SMALL = [{"op": "resize", "width": 32}]
JOB = {"input": {"image_id": "A-1"}, "outputs": {"small": SMALL}}


async def told(life: Life, kind: str = "job.") -> list[tuple[str, str | None]]:
    """Read which events say where to tell of them."""
    log = await life.jobs.log(0, 0.0)
    return [(each.type, each.webhook_url) for each in log if each.type.startswith(kind)]


async def test_the_log_says_where_to_tell_of_a_job(life: Life) -> None:
    (job,) = await life.accept(terms=Terms(webhook_url=URL))
    await life.finish(await life.claimed(job))

    assert ("job.completed", URL) in await told(life)


async def test_a_job_that_asks_for_nothing_is_told_nowhere(life: Life) -> None:
    (job,) = await life.accept()
    await life.finish(await life.claimed(job))

    assert {url for _, url in await told(life)} == {None}


async def test_a_url_is_no_part_of_what_a_job_shows(life: Life) -> None:
    (job,) = await life.accept(terms=Terms(webhook_url=URL))

    assert URL not in job_view(job).model_dump_json()


async def test_a_job_done_again_tells_where_the_old_one_told(life: Life) -> None:
    (job,) = await life.accept(terms=Terms(webhook_url=URL))
    await life.die(job)

    again = await Replays(life.jobs).job(job.id, A)

    assert again.terms.webhook_url == URL


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/", "ftp://example.com/", "nowhere", "http://localhost/"]
)
async def test_a_url_that_nothing_may_be_sent_to_is_refused_at_once(life: Life, url: str) -> None:
    wish = wish_of({**JOB, "webhook_url": url})

    with pytest.raises(UrlNotAllowed) as refused:
        await life.jobs.plan(wish, A)

    assert [each.field for each in refused.value.errors] == ["webhook_url"]


@pytest.mark.parametrize("url", ["", "x" * 2049, 5])
def test_what_is_no_url_is_refused_by_name(url: object) -> None:
    with pytest.raises(InvalidRequest) as refused:
        wish_of({**JOB, "webhook_url": url})

    assert [each.field for each in refused.value.errors] == ["webhook_url"]


def test_a_short_form_takes_a_url_too() -> None:
    wish = wish_of_fields("flip", {"image_id": "A-1", "webhook_url": URL})

    assert wish.terms.webhook_url == URL


async def test_a_batch_is_told_of_once_and_not_for_each_of_its_jobs(life: Life) -> None:
    batch = await made(life, webhook_url=URL)
    for job in await jobs_of(life, batch):
        await life.finish(await life.claimed(job))

    assert await told(life, "batch.") == [("batch.completed", URL)]
    assert {url for _, url in await told(life)} == {None}


async def test_a_batch_done_again_tells_where_the_old_one_told(life: Life) -> None:
    batch = await made(life, webhook_url=URL)
    for job in await jobs_of(life, batch):
        await life.die(job)

    again = await Batches(life.jobs, Replays(life.jobs)).replay(batch.id, A, nothing)

    assert again.webhook_url == URL


async def test_a_batch_with_a_url_that_nothing_may_be_sent_to_is_refused(life: Life) -> None:
    with pytest.raises(UrlNotAllowed):
        await made(life, webhook_url="http://10.0.0.1/")


async def made(life: Life, webhook_url: str) -> Batch:
    items = [{"input": {"image_id": each}} for each in ("A-1", "A-2")]
    asked = {"items": items, "outputs": {"small": SMALL}, "webhook_url": webhook_url}
    wish = batch_wish_of(asked, has_files=False)
    return await Batches(life.jobs, Replays(life.jobs)).accept(wish, A, nothing)


async def jobs_of(life: Life, batch: Batch) -> list[Job]:
    found = await Batches(life.jobs, Replays(life.jobs)).items(batch.id, A, -1, 10, "")
    return list(found.jobs)


def nothing(_: Connection, __: Batch) -> None:
    """Keep nothing besides."""
