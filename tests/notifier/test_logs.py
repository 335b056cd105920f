"""What is read in the log of jobs, and what is told of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.identity import Identity
from imagemill.contracts.jobs import JobsClient
from imagemill.contracts.transport import InMemory
from imagemill.errors import Forbidden
from imagemill.faults import Faults
from imagemill.jobs.job import Terms
from imagemill.jobs.routes import app_of
from imagemill.notifier.events import TYPES, body_of
from imagemill.notifier.logs import ImagesLog, JobsLog, linked
from tests.jobs import test_webhook_urls as urls
from tests.jobs.life import A, Life, living

LINKS = "https://images.example.com"


@pytest.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    async with living(tmp_path) as opened:
        yield opened


def client(life: Life, *scopes: str) -> JobsClient:
    app = app_of(life.jobs, life.lending, Faults.none())
    who = Identity(account="notifier", scopes=frozenset(scopes))
    return JobsClient(ServiceClient(InMemory(app), life.jobs.signer, who))


@pytest.fixture
async def log(life: Life) -> AsyncIterator[JobsLog]:
    jobs = client(life, "service")
    yield JobsLog(jobs, LINKS)
    await jobs.close()


async def test_only_ends_are_told(life: Life, log: JobsLog) -> None:
    done, dead, cancelled = await life.accept(3)
    await life.finish(await life.claimed(done))
    await life.die(dead)
    await life.jobs.cancel(cancelled.id, A)

    page = await log.after(0)

    assert [each.type for each in page.events] == ["job.completed", "job.dead", "job.cancelled"]
    assert page.heard == page.last > len(page.events)
    assert {each.type for each in page.events} <= set(TYPES)


async def test_an_event_has_the_same_id_each_time_that_it_is_read(life: Life, log: JobsLog) -> None:
    (job,) = await life.accept(terms=Terms(webhook_url=urls.URL))
    await life.finish(await life.claimed(job))

    first, second = await log.after(0), await log.after(0)

    assert first == second
    (event,) = first.events
    assert event.id == f"evt_jobs_{first.last}_{int(event.at * 1000):x}"
    assert (event.owner, event.data, event.webhook_url) == ("A", {"job_id": job.id}, urls.URL)


async def test_what_is_told_of_a_job_is_what_its_owner_sees(life: Life, log: JobsLog) -> None:
    (job,) = await life.accept()
    await life.finish(await life.claimed(job))
    page = await log.after(0)

    (told,) = (await log.facts(page.events)).values()

    assert (told["job_id"], told["status"]) == (job.id, "completed")
    (output,) = told["outputs"].values()
    assert output["url"].startswith(f"{LINKS}/api/v1/jobs/{job.id}/outputs/")
    assert json.loads(body_of(page.events[0], told))["data"] == told


async def test_what_is_told_of_a_failure_says_why(life: Life, log: JobsLog) -> None:
    (job,) = await life.accept()
    await life.die(job, "decoder_crashed")
    page = await log.after(0)

    (told,) = (await log.facts(page.events)).values()

    assert (told["status"], told["error"]["code"]) == ("failed", "decoder_crashed")


async def test_a_batch_is_told_with_its_counts(life: Life, log: JobsLog) -> None:
    batch = await urls.made(life, webhook_url=urls.URL)
    for job in await urls.jobs_of(life, batch):
        await life.finish(await life.claimed(job))
    (ended,) = [each for each in (await log.after(0)).events if each.type == "batch.completed"]

    told = (await log.facts([ended]))[ended.id]

    assert (told["batch_id"], told["completed"], told["total"]) == (batch.id, 2, 2)
    assert told["url"] == f"{LINKS}/api/v1/batches/{batch.id}"


async def test_of_what_is_gone_the_logs_own_words_are_told(life: Life, log: JobsLog) -> None:
    (job,) = await life.accept()
    await life.finish(await life.claimed(job))
    (event,) = (await log.after(0)).events
    gone = type(event)(event.id, event.type, event.at, event.owner, {"job_id": "gone"})

    assert await log.facts([gone]) == {event.id: {"job_id": "gone"}}


async def test_nobody_but_a_process_sees_jobs_of_all(life: Life) -> None:
    with pytest.raises(Forbidden):
        await client(life, "jobs:read").views(jobs=["any"], batches=[])


async def test_a_batch_that_is_not_at_its_end_is_no_event(life: Life, log: JobsLog) -> None:
    await urls.made(life, webhook_url=urls.URL)

    assert (await log.after(0)).events == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"url": "/a"}, {"url": "https://images.example.com/a"}),
        ({"url": None}, {"url": None}),
        ({"url": "http://elsewhere/a"}, {"url": "http://elsewhere/a"}),
        ({"steps": [{"op": "flip", "url": "/a"}]}, None),
        ("text", "text"),
    ],
)
def test_links_can_be_followed_from_elsewhere(given: object, told: object) -> None:
    expected = {"steps": [{"op": "flip", "url": f"{LINKS}/a"}]} if told is None else told

    assert linked(given, LINKS) == expected


@dataclass(frozen=True)
class Told:
    id: int
    type: str
    image_id: str
    code: str | None = None
    owner: str = "A"
    at: float = 5.0


class Uploads:
    """The log of uploads, as another service would answer."""

    def __init__(self, *events: Told) -> None:
        self._events = events

    async def events(self, after: int, *, wait_s: float) -> list[Told]:
        """Give what is after a number."""
        return [each for each in self._events if each.id > after]


async def test_a_second_log_tells_of_images() -> None:
    stored = Told(3, "image.stored", "i-1")
    failed = Told(4, "image.failed", "i-2", code="source_unavailable")
    log = ImagesLog(Uploads(Told(2, "image.begun", "i-1"), stored, failed), LINKS)

    page = await log.after(0)
    facts = await log.facts(page.events)

    assert (page.last, page.heard) == (4, 3)
    assert list(facts.values()) == [
        {"image_id": "i-1", "status": "stored", "url": f"{LINKS}/api/v1/images/i-1"},
        {"image_id": "i-2", "status": "failed", "code": "source_unavailable"},
    ]
    assert [each.id for each in page.events] == ["evt_images_3_1388", "evt_images_4_1388"]
    assert (await log.after(4)).last == 4
