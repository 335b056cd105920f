"""Jobs whose images are fetched: uploads is asked for them, and the jobs go on when they are there.

A job and what it waits for are written in one transaction, and only then uploads is asked, again
and again until it has answered: so neither a crash nor an uploads service that is down loses a
fetch. That an image has ended is heard from uploads' log of events; its fate is then asked for, as
it is at every start and once a minute. So no place in the log need be kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import structlog

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Fate, IntakeError, Promise, UploadsClient
from imagemill.database import Connection, Database
from imagemill.errors import Conflict, ImagemillError, Internal, NotFound, Refused
from imagemill.jobs.awaiting import kept_as
from imagemill.jobs.feeding import feed, starve
from imagemill.jobs.job import Job
from imagemill.jobs.ledger import NewJob
from imagemill.jobs.plan import images_needed, plan_of
from imagemill.jobs.records import jobs, waits
from imagemill.jobs.records.waits import Wait
from imagemill.jobs.replays import wish_again
from imagemill.jobs.service import Jobs

_MOST_AT_ONCE: Final = 100
_ASK_AGAIN_S: Final = 60.0
"""When the fate of an image is asked for although nothing was heard of it."""
_LOOK_EVERY_S: Final = 2.0
"""How often it is looked for jobs that another process accepted."""
_HELD_S: Final = 20.0
"""How long uploads holds an answer about events while there are none."""
_RETRY_S: Final = 1.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Lets jobs go on, or end, when what they wait for has come or will not."""

    jobs: Jobs

    @property
    def _database(self) -> Database:
        return self.jobs.database

    @property
    def _uploads(self) -> UploadsClient:
        return self.jobs.uploads

    async def ask(self) -> None:
        """Ask what became of images, for ever."""
        bell = self.jobs.bells.waits
        while True:
            bell.clear()
            try:
                asked = await self._round()
            except ImagemillError as error:
                _log.warning("fates_not_asked", reason=error.message)
                asked = 0
                await asyncio.sleep(_RETRY_S)
            if asked < _MOST_AT_ONCE:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY_S):
                        await bell.wait()

    async def listen(self) -> None:
        """Hear which images have ended, for ever; only while a job waits for one."""
        after: int | None = None
        while True:
            self.jobs.bells.waiting.clear()
            try:
                if await self._database.read(waits.has_any):
                    after = await self._hear(after)
                    continue
                after = None
            except ImagemillError as error:
                _log.warning("log_not_read", reason=error.message)
                after = None
                await asyncio.sleep(_RETRY_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self.jobs.bells.waiting.wait()

    async def _hear(self, after: int | None) -> int:
        """Read on in the log; where that begins anew, ask for every fate after looking at it."""
        if after is None:
            newest = await self._uploads.newest_event()
            await self._database.run(lambda each: waits.ask_all(each, each.now()), durable=False)
            self.jobs.bells.waits.set()
            return newest
        heard = await self._uploads.events(after, wait_s=_HELD_S)
        ids = [each.image_id for each in heard]
        if ids:
            await self._database.run(lambda each: waits.ask(each, ids, each.now()), durable=False)
            self.jobs.bells.waits.set()
        return heard[-1].id if heard else after

    async def _round(self) -> int:
        """Ask for what is due, and let the jobs go on whose images are all there."""
        due = await self._database.read(lambda each: waits.due(each, each.now(), _MOST_AT_ONCE))
        if not due:
            return 0
        fates = await self._uploads.fetch([_promise(each) for each in due])
        complete, starved = await self._database.run(lambda each: self._noted(each, due, fates))
        for job in starved:
            self.jobs.bells.ended(job)
        for job_id in complete:
            await self._settled(job_id)
        return len(due)

    def _noted(
        self, connection: Connection, due: Sequence[Wait], fates: Sequence[Fate]
    ) -> tuple[list[str], list[Job]]:
        """Write down what was told; give the jobs whose images are all there, and those ended."""
        complete, starved = dict[str, None](), list[Job]()
        for wait, fate in zip(due, fates, strict=True):
            waits.asked(connection, wait, connection.now() + _ASK_AGAIN_S)
            if fate.status == "failed":
                starved += self._starved(connection, wait.job_id, fate.error or _UNKNOWN)
            elif fate.status == "stored" and not waits.is_last(connection, wait):
                waits.come(connection, wait)
            elif fate.status == "stored":  # It stays until the job goes on, should this one end.
                waits.asked(connection, wait, connection.now() + _RETRY_S)
                complete[wait.job_id] = None
        return list(complete), starved

    def _starved(self, connection: Connection, job_id: str, error: IntakeError) -> list[Job]:
        try:
            return [starve(self.jobs.ledger, connection, job_id, error)]
        except (Conflict, NotFound):  # It has ended, or is forgotten.
            waits.end(connection, job_id)
            return []

    async def _settled(self, job_id: str) -> None:
        """Let a job go on or end, so that what is wrong with it is nobody else's trouble."""
        try:
            await self._settle(job_id)
        except Refused as error:
            told = IntakeError(code=error.code, message=error.message, limit=error.limit)
            await self._end(job_id, told)
        except ImagemillError as error:  # Its turn comes again in a second.
            _log.warning("job_waits_on", job_id=job_id, reason=error.message)
        except Exception:  # noqa: BLE001 - one job's end must not be the end of all others'
            _log.exception("job_not_planned", job_id=job_id)
            await self._end(job_id, _BROKEN)

    async def _end(self, job_id: str, error: IntakeError) -> None:
        for each in await self._database.run(lambda each: self._starved(each, job_id, error)):
            self.jobs.bells.ended(each)

    async def _settle(self, job_id: str) -> None:
        """Plan a job whose images are there as one that was just asked for, and let it go on."""
        job = await self._database.read(lambda each: jobs.get(each, job_id))
        new = await self._planned(job)
        fed = await self._database.run(lambda each: feed(self.jobs.ledger, each, job_id, new))
        tell = self.jobs.bells.ended if fed.standing.status.is_final else self.jobs.bells.made
        tell(fed)

    async def _planned(self, job: Job) -> NewJob:
        owner = Identity(account=job.owner)
        wish = wish_again(job)
        found = await self._uploads.find(images_needed(wish), caller=owner)
        known = {**found, **{each.image_id: each for each in found.values()}}
        is_fresh = await self._database.read(
            lambda each: any(wait.is_fresh for wait in waits.of_job(each, job.id))
        )
        plan = plan_of(kept_as(wish, found), None, known, self.jobs.engine)
        return await self.jobs.prepared(replace(plan, fresh=is_fresh))


_UNKNOWN: Final = IntakeError(code=NotFound.code, message="The image did not come.")
_BROKEN: Final = IntakeError(code=Internal.code, message="Something went wrong on our side.")


def _promise(wait: Wait) -> Promise:
    """Ask for a fetch once, and then for the fate only: what was deleted is not fetched again."""
    return Promise(
        image_id=wait.image_id,
        owner=wait.owner,
        url=None if wait.is_asked else wait.url,
        key_id=wait.key_id,
        stored_bytes=wait.stored_bytes,
    )
