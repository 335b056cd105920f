"""Who is woken when something happens: streams, those who wait for an end, and the relay."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from imagemill.jobs.job import Job
from imagemill.jobs.news import ANY, News
from imagemill.jobs.records import outbox, waits


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

    def made(self, job: Job) -> None:
        """Tell that a job, and perhaps others of its batch, are new."""
        self.outbox.set()
        if job.is_waiting:
            self.waits.set()
            self.waiting.set()
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

    def end(self) -> None:
        """Let go of everybody who waits."""
        self.news.end()
        self.ends.end()
