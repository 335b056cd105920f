"""The jobs service: a promise for every job that was answered with 202."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

import structlog
from structlog.contextvars import get_contextvars

from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.jobs import JobEvent
from imagemill.contracts.uploads import Image, Intake, Promise, UploadsClient
from imagemill.database import Connection, Database
from imagemill.database.migrations import migrations_of
from imagemill.errors import FieldError, ImageInUse, InvalidRequest, UrlNotAllowed
from imagemill.idempotency import Running
from imagemill.jobs.awaiting import Awaited, Found, bound, urls_of
from imagemill.jobs.bells import Bells
from imagemill.jobs.job import Event, Job, Listing, Origin, Result
from imagemill.jobs.ledger import Ledger, NewJob
from imagemill.jobs.news import ANY
from imagemill.jobs.plan import Plan, images_needed, plan_of
from imagemill.jobs.preset_service import Presets
from imagemill.jobs.quota import spender_of
from imagemill.jobs.records import events, jobs, results
from imagemill.jobs.request import TermsRequest, Wish
from imagemill.jobs.settings import JobsSettings
from imagemill.storage import Bucket, Storage
from imagemill.telemetry.tracing import traceparent
from imagemill.web.links import FileLinks

_MOST_AT_ONCE: Final = 100
_LOOK_EVERY_S: Final = 1.0
"""How often who waits looks for what another process did."""
_log = structlog.get_logger(__name__)

Keep = Callable[[Connection, Sequence[Job]], None]
"""Write what belongs into the transaction in which jobs are made."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """Jobs over one database and the storage of results."""

    database: Database
    storage: Storage
    uploads: UploadsClient
    signer: Signer
    ledger: Ledger
    bells: Bells
    settings: JobsSettings
    engine: str
    """Names the versions that make the pixels; part of every result's key."""
    links: FileLinks
    check_url: Callable[[str], None]
    """Raises `UrlNotAllowed` for a URL that can be neither fetched nor told of anything."""
    running: Running = field(default_factory=Running)
    """Requests under way that carry an idempotency key."""

    @property
    def presets(self) -> Presets:
        """Pipelines that outputs can name."""
        return Presets(self.database, time.time)

    async def start(self) -> None:
        """Bring the schema up to date."""
        await self.database.migrate(migrations_of("imagemill.jobs"))

    async def plan(
        self, wish: Wish, owner: Identity, carried: Intake | None = None
    ) -> Plan | Awaited:
        """Bind a wish to the caller's pictures, as far as these are there.

        Raises what is wrong with it, `UrlNotAllowed` among this.
        """
        wish = await self.completed(wish, owner)
        self.check_urls(wish)
        found = await self.found(images_needed(wish), owner)
        plan = self.bound(wish, carried.image if carried else None, found, owner)
        # Of a picture that has just come there is nothing stored to look for.
        return replace(plan, fresh=True) if carried and carried.is_new else plan

    async def plan_on(self, wish: Wish, owner: Identity, image: Image | None) -> Plan:
        """Bind a wish to a picture, or to the one that it names itself."""
        wish = await self.completed(wish, owner)
        needed = images_needed(wish)
        images = await self.uploads.find(needed, caller=owner) if needed else {}
        return plan_of(wish, image, images, self.engine)

    def bound(
        self, wish: Wish, image: Image | None, found: Found, owner: Identity
    ) -> Plan | Awaited:
        """Plan a completed wish, or tell what it waits for; raises as `plan_of` does."""
        return bound(wish, image, found, owner, self.engine, self.ledger.new_id)

    def check_urls(self, wish: Wish) -> None:
        """Raise `UrlNotAllowed` for a URL that uploads will never fetch."""
        for url in urls_of(wish):
            self.check_url(url)

    async def found(self, ids: Sequence[str], owner: Identity) -> Found:
        """Look images up that wishes name, those that are on their way included."""
        images = await self.uploads.find(list(ids), caller=owner) if ids else {}
        missing = [
            Promise(image_id=each, owner=owner.account) for each in ids if each not in images
        ]
        fates = await self.uploads.fetch(missing) if missing else []
        return Found(images, {each.image_id for each in fates if each.status == "pending"})

    async def completed(self, wish: Wish, owner: Identity) -> Wish:
        """Put presets in place, and what the caller's key says where the wish says nothing."""
        wish = await self.presets.resolve(wish, owner.account)
        return replace(wish, terms=self._terms(wish.terms, owner))

    def check_webhook(self, url: str | None) -> None:
        """Refuse a URL that cannot be told of anything; raises `UrlNotAllowed`."""
        if url is None:
            return
        try:
            self.check_url(url)
        except UrlNotAllowed as error:
            problem = FieldError("webhook_url", "is not one that can be told of a job's end.")
            raise UrlNotAllowed(error.message, errors=[problem]) from error

    async def check_room(self, owner: Identity) -> None:
        """Refuse early, before a picture is taken in for a job that would not be accepted."""

        def unit(connection: Connection) -> None:
            self.ledger.check_room(connection, owner.account, 1)
            self.ledger.quota.check(connection, spender_of(owner), connection.now())

        await self.database.read(unit)

    async def accept(self, plan: Plan | Awaited, owner: Identity, keep: Keep | None = None) -> Job:
        """Take a job on; when this returns the promise is on disk."""
        new = await self.prepared(plan)
        return (await self.accept_all([new], owner, keep))[0]

    async def accept_all(
        self,
        new: Sequence[NewJob],
        owner: Identity,
        keep: Keep | None = None,
        *,
        is_counted: bool = True,
    ) -> list[Job]:
        """Take jobs on, all of them or none; when this returns the promise is on disk.

        Jobs that are not counted are Imagemill's own wish, and use up nobody's quota.
        """
        origin = Origin(get_contextvars().get("request_id"), traceparent())
        spender = spender_of(owner)

        def unit(connection: Connection) -> list[Job]:
            made = self.ledger.accept(connection, new, spender, origin, is_counted=is_counted)
            if keep is not None:
                keep(connection, made)
            return made

        made = await self.database.run(unit)
        for job in made:
            self.bells.made(job)
        return made

    async def prepared(self, plan: Plan | Awaited) -> NewJob:
        """Look for results of the plan's very work whose objects are there, whole.

        It costs 0.1 ms (measured 2026-11), and an object that is gone is made again.
        """
        return (await self.prepared_all([NewJob(plan)]))[0]

    async def prepared_all(self, new: Sequence[NewJob]) -> list[NewJob]:
        """Look for the stored results of many plans, all in one reading transaction."""
        keys = [
            {k: o.work_key for k, o in each.plan.outputs.items()} if _may_be_stored(each) else {}
            for each in new
        ]
        if not any(keys):
            return list(new)
        found = await self.database.read(
            lambda connection: [results.of_work(connection, each) for each in keys]
        )
        return [
            replace(each, stored={k: r for k, r in stored.items() if await self._is_whole(r)})
            for each, stored in zip(new, found, strict=True)
        ]

    async def get(self, job_id: str, owner: Identity) -> Job:
        """Read one of the caller's jobs; raises `NotFound`."""
        return await self.database.read(lambda each: jobs.get(each, job_id, owner.account))

    async def any(self, job_id: str) -> Job:
        """Read a job for who comes with a signed URL of a result of it; raises `NotFound`."""
        return await self.database.read(lambda each: jobs.get(each, job_id))

    async def wait(self, job: Job, seconds: float) -> Job:
        """Give a job back when it has ended, or as it stands after so many seconds."""
        look = partial(jobs.get, job_id=job.id)
        until = time.monotonic() + seconds
        while not job.standing.status.is_final and await self.is_rung(job.id, until):
            job = await self.database.read(look)
        return job

    async def is_rung(self, name: str, until: float) -> bool:
        """Wait until it is time to look whether a job or a batch has ended; False to look no more.

        `until` is a time of the monotonic clock.
        """
        bell = self.bells.ends.of(name)
        left_s = until - time.monotonic()
        if left_s <= 0 or self.bells.ends.is_over:
            return False
        await _heard(bell, min(left_s, _LOOK_EVERY_S))
        return True

    async def follow(self, job_id: str, after: int) -> AsyncIterator[Event]:
        """Yield what happens to a job after an event, until it has ended or this process does."""
        async for event in self._follow(job_id, after, partial(self.events, job_id)):
            yield event
            if event.ends_job:
                return

    async def follow_batch(self, batch_id: str, after: int) -> AsyncIterator[Event]:
        """Yield what happens to a batch and its jobs, like `follow`."""
        async for event in self._follow(batch_id, after, partial(self._events_of_batch, batch_id)):
            yield event
            if event.ends_batch:
                return

    async def events(self, job_id: str, after: int) -> list[Event]:
        """Read what happened to a job after an event, in order."""
        return await self.database.read(
            lambda each: events.of_job(each, job_id, after, _MOST_AT_ONCE)
        )

    async def log(self, after: int, wait_s: float) -> list[JobEvent]:
        """Read what happened to all jobs after an event; wait for it when there is nothing yet."""
        bell = self.bells.news.of(ANY)
        found = await self.database.read(lambda each: events.log(each, after, _MOST_AT_ONCE))
        if found or wait_s <= 0:
            return found
        await _heard(bell, wait_s)
        return await self.database.read(lambda each: events.log(each, after, _MOST_AT_ONCE))

    async def listed(self, owner: Identity, wanted: Listing) -> list[Job]:
        """Read the caller's jobs, the newest first, and one more than asked for if there is."""
        return await self.database.read(lambda each: jobs.listed(each, owner.account, wanted))

    async def cancel(self, job_id: str, owner: Identity) -> Job:
        """End one of the caller's jobs; raises `Conflict` when it has ended already."""
        job = await self.database.run(lambda each: self.ledger.cancel(each, job_id, owner.account))
        self.bells.ended(job)
        return job

    async def release_image(self, image_id: str, owner: Identity, *, force: bool) -> None:
        """Let an image go: raises `ImageInUse` while jobs need it, or cancels these by `force`."""

        def unit(connection: Connection) -> list[Job]:
            account = owner.account
            using = jobs.on_image(connection, account, image_id, _MOST_AT_ONCE)
            if using and not force:
                raise ImageInUse(
                    f"{len(using)} jobs that have not ended need this image. Wait for them, cancel "
                    "them, or delete with force=1, which cancels them.",
                    limit={"jobs": len(using)},
                )
            return [self.ledger.cancel(connection, each, account) for each in using]

        while cancelled := await self.database.run(unit):
            for job in cancelled:
                self.bells.ended(job)

    def stop_waiting(self) -> None:
        """Let go of everybody who waits for something to happen."""
        self.bells.end()

    async def _follow(
        self, name: str, after: int, read: Callable[[int], Awaitable[list[Event]]]
    ) -> AsyncIterator[Event]:
        while True:
            bell = self.bells.news.of(name)
            found = await read(after)
            for event in found:
                yield event
                after = event.id
            if self.bells.news.is_over:
                return
            if not found:
                await _heard(bell, _LOOK_EVERY_S)

    async def _events_of_batch(self, batch_id: str, after: int) -> list[Event]:
        return await self.database.read(
            lambda each: events.of_batch(each, batch_id, after, _MOST_AT_ONCE)
        )

    async def _is_whole(self, result: Result) -> bool:
        size_bytes = await self.storage.size(Bucket.RESULTS, result.storage_key)
        if size_bytes != result.size_bytes:
            _log.warning("result_is_gone", storage_key=result.storage_key, size_bytes=size_bytes)
        return size_bytes == result.size_bytes

    def _terms(self, asked: TermsRequest, owner: Identity) -> TermsRequest:
        """Complete what a job asks for by what its key says; raises `InvalidRequest`."""
        self.check_webhook(asked.webhook_url)
        most_s = self.settings.max_timeout_s
        if asked.timeout_s is not None and asked.timeout_s > most_s:
            problem = FieldError("timeout_s", f"must be at most {most_s:g}.")
            raise InvalidRequest(
                "An attempt may not take so long.",
                errors=[problem],
                limit={"max_timeout_s": most_s},
            )
        retries = owner.max_retries if asked.max_retries is None else asked.max_retries
        timeout_s = owner.timeout_s if asked.timeout_s is None else asked.timeout_s
        capped_s = None if timeout_s is None else min(timeout_s, most_s)
        return asked.model_copy(update={"max_retries": retries, "timeout_s": capped_s})


def _may_be_stored(new: NewJob) -> bool:
    return isinstance(new.plan, Plan) and not new.plan.fresh


async def _heard(bell: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await bell.wait()
