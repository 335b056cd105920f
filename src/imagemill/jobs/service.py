"""The jobs service: a promise for every job that was answered with 202."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import structlog
from structlog.contextvars import get_contextvars

from imagemill.contracts.facts import Limits
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.jobs import (
    TOPIC,
    Beat,
    Claim,
    ClaimRequest,
    Failure,
    Finish,
    JobEvent,
)
from imagemill.contracts.uploads import Intake, UploadsClient
from imagemill.database import Database
from imagemill.database.migrations import migrations_of
from imagemill.errors import Conflict, ImagemillError, NotFound
from imagemill.jobs import records
from imagemill.jobs.job import Event, Job, Listing, Result
from imagemill.jobs.ledger import Ledger
from imagemill.jobs.news import ANY, News
from imagemill.jobs.plan import Plan, images_needed, plan_of
from imagemill.jobs.preset_service import Presets
from imagemill.jobs.request import Wish
from imagemill.jobs.settings import JobsSettings
from imagemill.jobs.states import Patience
from imagemill.queue import Queue
from imagemill.storage import Bucket, Storage

_MOST_AT_ONCE: Final = 100
"""Messages or jobs in one transaction of the relay and the sweeper."""
_UNHEARD_AFTER_S: Final = 10.0
"""How long a message may be on its way before an empty queue is taken as its loss."""
_PAUSES_S: Final = (0.0, 5.0, 30.0, 180.0)
_LOOK_EVERY_S: Final = 1.0
"""How often who waits looks for what another process did."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Jobs:
    """Jobs over one database, one queue and the storage of results."""

    database: Database
    queue: Queue
    storage: Storage
    uploads: UploadsClient
    signer: Signer
    settings: JobsSettings
    limits: Limits
    engine: str
    """Names the versions that make the pixels; part of every result's key."""
    clock: Callable[[], float] = time.time
    news: News = field(default_factory=News)
    """Rings for whatever happens to a job."""
    ends: News = field(default_factory=News)
    """Rings when a job's attempt has ended."""
    _outbox_has_news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def presets(self) -> Presets:
        """Pipelines that outputs can name."""
        return Presets(self.database, self.clock)

    async def start(self) -> None:
        """Bring the schema up to date."""
        await self.database.migrate(migrations_of("imagemill.jobs"))

    async def plan(self, wish: Wish, owner: Identity, carried: Intake | None = None) -> Plan:
        """Bind a wish to the caller's pictures; raises what is wrong with it."""
        wish = await self.presets.resolve(wish, owner.account)
        needed = images_needed(wish)
        images = await self.uploads.find(needed, caller=owner) if needed else {}
        plan = plan_of(wish, carried.image if carried else None, images, self.engine)
        # Of a picture that has just come there is nothing stored to look for.
        return replace(plan, fresh=True) if carried and carried.is_new else plan

    async def accept(self, plan: Plan, owner: Identity) -> Job:
        """Take a job on; when this returns the promise is on disk."""
        request_id = get_contextvars().get("request_id")
        stored = await self._still_stored(plan)
        job = await self.database.run(
            lambda each: self._ledger.accept(each, plan, stored, owner.account, request_id)
        )
        self._outbox_has_news.set()
        self.news.tell(job.id)
        return job

    async def get(self, job_id: str, owner: Identity) -> Job:
        """Read one of the caller's jobs; raises `NotFound`."""
        return await self.database.read(lambda each: records.get(each, job_id, owner.account))

    async def wait(self, job: Job, seconds: float) -> Job:
        """Give a job back when it has ended, or as it stands after so many seconds."""
        until = time.monotonic() + seconds
        while not job.standing.status.is_final and not self.ends.is_over:
            bell = self.ends.of(job.id)
            left_s = until - time.monotonic()
            if left_s <= 0:
                break
            await _heard(bell, min(left_s, _LOOK_EVERY_S))
            job = await self.database.read(partial(records.get, job_id=job.id))
        return job

    async def follow(self, job_id: str, after: int) -> AsyncIterator[Event]:
        """Yield what happens to a job after an event, until it has ended or this process does."""
        while True:
            bell = self.news.of(job_id)
            for event in await self.events(job_id, after):
                yield event
                after = event.id
                if event.is_last:
                    return
            if self.news.is_over:
                return
            await _heard(bell, _LOOK_EVERY_S)

    async def events(self, job_id: str, after: int) -> list[Event]:
        """Read what happened to a job after an event, in order."""
        return await self.database.read(
            lambda each: records.events(each, job_id, after, _MOST_AT_ONCE)
        )

    async def log(self, after: int, wait_s: float) -> list[JobEvent]:
        """Read what happened to all jobs after an event; wait for it when there is nothing yet."""
        bell = self.news.of(ANY)
        found = await self.database.read(lambda each: records.log(each, after, _MOST_AT_ONCE))
        if found or wait_s <= 0:
            return found
        await _heard(bell, wait_s)
        return await self.database.read(lambda each: records.log(each, after, _MOST_AT_ONCE))

    async def listed(self, owner: Identity, wanted: Listing) -> list[Job]:
        """Read the caller's jobs, the newest first, and one more than asked for if there is."""
        return await self.database.read(lambda each: records.listed(each, owner.account, wanted))

    async def cancel(self, job_id: str, owner: Identity) -> Job:
        """End one of the caller's jobs; raises `Conflict` when it has ended already."""
        job = await self.database.run(lambda each: self._ledger.cancel(each, job_id, owner.account))
        self._tell(job_id)
        return job

    async def claim(self, request: ClaimRequest) -> Claim | None:
        """Lend a job to a worker; None when there is nothing left to do about it."""
        lease_s = self.settings.lease_s
        try:
            job = await self.database.run(
                lambda each: self._ledger.claim(each, request.job_id, lease_s), durable=False
            )
        except (Conflict, NotFound) as refusal:
            _log.info("claim_refused", job_id=request.job_id, reason=refusal.message)
            return None
        self.news.tell(job.id)
        return self._claim_of(job)

    async def beat(self, job_id: str, beat: Beat) -> None:
        """Extend a lease."""
        lease_s = self.settings.lease_s
        await self.database.run(
            lambda each: self._ledger.beat(each, job_id, beat.lease_id, lease_s), durable=False
        )

    async def finish(self, job_id: str, finish: Finish) -> None:
        """Complete a job with its results."""
        await self.database.run(lambda each: self._ledger.finish(each, job_id, finish))
        self._tell(job_id)

    async def fail(self, job_id: str, failure: Failure) -> None:
        """Rule on a failed attempt."""
        await self.database.run(lambda each: self._ledger.fail(each, job_id, failure))
        self._tell(job_id)

    async def relay(self) -> None:
        """Publish what lies in the outbox, for ever; what the queue has not got stays there.

        Published rows are removed when the next ones are read, to spare a transaction; after a
        restart the last ones are published twice, which a claim does not mind.
        """
        published: list[int] = []
        while True:
            self._outbox_has_news.clear()
            try:
                published = await self._relay_once(published)
            except ImagemillError as error:
                _log.warning("relay_waits", reason=error.message)
                await asyncio.sleep(1)
                continue
            if len(published) < _MOST_AT_ONCE:
                await self._outbox_has_news.wait()

    def stop_waiting(self) -> None:
        """Let go of everybody who waits for something to happen."""
        self.news.end()
        self.ends.end()

    async def sweep(self) -> None:
        """Take jobs back from silent workers and announce forgotten ones, for ever."""
        while True:
            await asyncio.sleep(self.settings.sweep_every_s)
            try:
                await self._sweep_once()
            except ImagemillError as error:
                _log.warning("sweep_failed", reason=error.message)

    async def _still_stored(self, plan: Plan) -> dict[str, Result]:
        """Find results of the plan's very work, by output name, whose objects are there, whole.

        It costs 0.1 ms (measured 2026-11), and an object that is gone is made again.
        """
        if plan.fresh:
            return {}
        keys = {name: each.work_key for name, each in plan.outputs.items()}
        found = await self.database.read(lambda each: records.results_of_work(each, keys))
        return {name: each for name, each in found.items() if await self._is_whole(each)}

    async def _is_whole(self, result: Result) -> bool:
        size_bytes = await self.storage.size(Bucket.RESULTS, result.storage_key)
        if size_bytes != result.size_bytes:
            _log.warning("result_is_gone", storage_key=result.storage_key, size_bytes=size_bytes)
        return size_bytes == result.size_bytes

    def _tell(self, job_id: str) -> None:
        """Wake the relay, and whoever waits for the job."""
        self._outbox_has_news.set()
        self.news.tell(job_id)
        self.ends.tell(job_id)

    @property
    def _ledger(self) -> Ledger:
        return Ledger(
            patience=Patience(pauses_s=_pauses(self.settings.max_retries)),
            clock=self.clock,
            new_id=lambda: str(uuid.uuid4()),
            jitter=lambda pause_s: pause_s * random.uniform(0.5, 1.5),  # noqa: S311 - no secret
        )

    async def _relay_once(self, published: list[int]) -> list[int]:
        """Remove what was published, publish what is there, and tell the ids of that."""
        waiting = await self.database.run(
            lambda each: records.next_in_outbox(each, published, _MOST_AT_ONCE), durable=False
        )
        for topic in {topic for _, topic, _ in waiting}:
            bodies = [body for _, each, body in waiting if each == topic]
            await self.queue.publish(topic, bodies)
        return [id_ for id_, _, _ in waiting]

    async def _sweep_once(self) -> None:
        now = self.clock()
        taken_back = await self.database.run(
            lambda each: self._ledger.take_back(each, now, _MOST_AT_ONCE)
        )
        is_quiet = not await self.queue.depth(TOPIC)
        before = now - _UNHEARD_AFTER_S if is_quiet else 0.0
        forgotten = await self.database.run(
            lambda each: self._ledger.announce_again(each, now, before, _MOST_AT_ONCE)
        )
        for job_id in taken_back:
            self._tell(job_id)
        if forgotten:
            self._outbox_has_news.set()

    def _claim_of(self, job: Job) -> Claim:
        missing = [each for each in job.outputs if each.result is None]
        assert job.lease_id is not None
        return Claim(
            job_id=job.id,
            owner=job.owner,
            attempt=job.standing.attempt,
            lease_id=job.lease_id,
            lease_s=self.settings.lease_s,
            timeout_s=self.settings.timeout_s,
            storage_key=job.storage_key,
            limits=self.limits,
            pictures=dict(job.pictures),
            outputs={each.name: each.steps for each in missing},
            work_keys={each.name: each.work_key for each in missing},
            request_id=job.request_id,
        )


async def _heard(bell: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await bell.wait()


def _pauses(retries: int) -> tuple[float, ...]:
    """Stretch or cut the plan of pauses to a number of retries; the last pause repeats."""
    return (*_PAUSES_S, *[_PAUSES_S[-1]] * retries)[:retries]
