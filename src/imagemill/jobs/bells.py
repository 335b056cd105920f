"""Who is woken when something happens: streams, those who wait for an end, and the relay."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from imagemill.jobs.job import Job
from imagemill.jobs.news import ANY, News
from imagemill.jobs.records import outbox, waits
from imagemill.jobs.states import Status
from imagemill.telemetry.meter import Meter
from imagemill.telemetry.metrics import JOB_DURATION, JOBS_ENDED


@dataclass(slots=True)
class Bells:
    """Rings within this process, for what others tell too; who waits also looks now and then."""

    news: News = field(default_factory=News)
    """Rings for whatever happens to a job or a batch, by its id."""
    ends: News = field(default_factory=News)
    """Rings when an attempt at a job, or a batch, may have ended."""
    outbox: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the relay has something to look at."""
    waits: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there is a fate of an image to ask for."""
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a job waits for an image."""
    is_window_full: bool = False
    """Whether the relay waits for claims, since as many jobs are announced as may be."""
    meter: Meter = field(default_factory=Meter)
    """Counts the jobs that ended here."""

    def made(self, job: Job) -> None:
        """Tell that a job, and perhaps others of its batch, are new."""
        self.outbox.set()
        if job.is_waiting:
            self.waits.set()
            self.waiting.set()
        self._count(job)
        self.happened(job)

    def happened(self, job: Job) -> None:
        """Tell that something happened to a job."""
        self.news.tell(job.id)
        if job.place.batch_id is not None:
            self.news.tell(job.place.batch_id)

    def claimed(self, job: Job) -> None:
        """Tell that a worker has a job."""
        self.happened(job)
        if self.is_window_full:
            self.outbox.set()

    def ended(self, job: Job) -> None:
        """Tell that an attempt at a job ended, and with it perhaps the job."""
        self._count(job)
        self.happened(job)
        self.ends.tell(job.id)
        if job.place.batch_id is not None:
            self.ends.tell(job.place.batch_id)
        if not job.standing.status.is_final or self.is_window_full:
            self.outbox.set()

    def heard(self, topic: str) -> None:
        """Ring for what another process did: see `Database.heard`."""
        is_any = topic == ANY
        if is_any or topic == outbox.TOLD or self.is_window_full:
            self.outbox.set()
        if is_any or topic == waits.TOLD:
            self.waits.set()
            self.waiting.set()
        for news in (self.news, self.ends):
            news.tell_all() if is_any else news.tell(topic)

    def _count(self, job: Job) -> None:
        if not job.standing.status.is_final or job.finished_at is None:
            return
        outcome = outcome_of(job)
        self.meter.count(JOBS_ENDED, outcome)
        if outcome != "cached":
            self.meter.observe(JOB_DURATION, max(0.0, job.finished_at - job.created_at), outcome)

    def end(self) -> None:
        """Let go of everybody who waits."""
        self.news.end()
        self.ends.end()


def outcome_of(job: Job) -> str:
    """Say in one word, of a few, how a job ended."""
    if job.is_dead:
        return "dead"
    is_cached = job.standing.status is Status.COMPLETED and job.is_cached
    return "cached" if is_cached else str(job.standing.status)
