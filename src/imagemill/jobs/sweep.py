"""The sweeper: what must happen in the life of jobs although nobody asks for it.

Of several processes one sweeps for all, under a lease; when it is gone, another takes over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

import structlog

from imagemill.contracts.jobs import TOPIC
from imagemill.database import Connection, Database
from imagemill.errors import ImagemillError
from imagemill.idempotency import KEPT_S
from imagemill.idempotency import records as answers
from imagemill.jobs.bells import Bells
from imagemill.jobs.job import Job
from imagemill.jobs.ledger import Ledger
from imagemill.jobs.records import expiry, jobs, leases, outbox
from imagemill.jobs.settings import JobsSettings
from imagemill.queue import Queue
from imagemill.storage import Bucket, Storage
from imagemill.telemetry.metrics import ATTEMPTS_LOST, MESSAGES_LOST

_MOST_AT_ONCE: Final = 100
_UNHEARD_AFTER_S: Final = 10.0
"""How long a message may be on its way before it can be taken for lost."""
_SURELY_LOST_AFTER_S: Final = 600.0
"""How long it may be on its way even where the queue seems to hold everything."""
_STALE_DRAFT_S: Final = 3600.0
_TIDY_EVERY_S: Final = 3600.0
_LEASE: Final = "sweep"
_SWEEPS_PER_LEASE: Final = 3
"""Sweeps after which one that has not come again is taken for gone."""
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Sweeper:
    """Looks again and again for what is over: leases, pauses, deadlines, messages, results."""

    database: Database
    queue: Queue
    storage: Storage
    ledger: Ledger
    bells: Bells
    settings: JobsSettings
    removing: Callable[[], AbstractContextManager[bool]]
    """Holds backups off for a block that removes objects; False while one copies them."""
    holder: str = "alone"
    """Names this process among those that share the database."""
    _is_leaving: bool = False
    _tidy_at: float = 0.0
    """Time of the monotonic clock before which drafts are not looked for again."""

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            await asyncio.sleep(self.settings.sweep_every_s)
            try:
                if await self._is_mine():
                    await self.once()
            except ImagemillError as error:
                _log.warning("sweep_failed", reason=error.message)

    async def leave(self) -> None:
        """Sweep no more, and let another process do so at once."""
        self._is_leaving = True
        try:
            await self.database.run(
                lambda each: leases.let_go(each, _LEASE, self.holder), durable=False
            )
        except ImagemillError as error:  # The end of the lease does it.
            _log.warning("sweep_not_handed_over", reason=error.message)

    async def _is_mine(self) -> bool:
        """Tell whether this process is the one that sweeps."""
        if self._is_leaving:
            return False
        seconds = self.settings.sweep_every_s * _SWEEPS_PER_LEASE
        return await self.database.run(
            lambda each: leases.hold(each, _LEASE, self.holder, seconds), durable=False
        )

    async def once(self) -> None:
        """Sweep one time."""
        lost = await self._rule(jobs.leases_ended, self.ledger.lose)
        self.bells.meter.count(ATTEMPTS_LOST, by=lost)
        await self._rule(jobs.overdue, self.ledger.expire)
        await self._rule(outbox.rested, self.ledger.announce)
        await self._announce_lost()
        await self._expire()
        self.bells.outbox.set()

    async def _rule(
        self,
        find: Callable[[Connection, float, int], list[str]],
        rule: Callable[[Connection, str], Job],
    ) -> int:
        """Find jobs for which a time is over, rule on each in one transaction, and count them."""

        def unit(connection: Connection) -> list[Job]:
            found = find(connection, connection.now(), _MOST_AT_ONCE)
            return [rule(connection, job_id) for job_id in found]

        ruled = await self.database.run(unit)
        for job in ruled:
            self.bells.ended(job)
        return len(ruled)

    async def _announce_lost(self) -> None:
        """Announce jobs again whose messages the queue has lost.

        It holds a message for every job that is announced or worked on; where it holds fewer, the
        jobs that were announced longest ago are announced once more. A message too many is
        refused at the claim.
        """
        held = await self.queue.depth(TOPIC)

        def unit(connection: Connection) -> list[Job]:
            now = connection.now()
            missing = outbox.unclaimed(connection).jobs + jobs.processing(connection) - held
            lost = outbox.unheard(connection, now - _SURELY_LOST_AFTER_S, _MOST_AT_ONCE)
            if missing > 0:
                most = min(missing, _MOST_AT_ONCE)
                lost = outbox.unheard(connection, now - _UNHEARD_AFTER_S, most)
            return [self.ledger.announce(connection, job_id) for job_id in lost]

        for job in await self.database.run(unit):
            self.bells.meter.count(MESSAGES_LOST)
            _log.warning("message_was_lost", job_id=job.id)

    async def _expire(self) -> None:
        """Remove what is kept no longer: results, jobs, remembered answers, old drafts."""
        settings = self.settings

        def unit(connection: Connection) -> list[str]:
            now = connection.now()
            answers.forget(connection, now - KEPT_S, _MOST_AT_ONCE)
            if settings.keep_results_s:
                expiry.expire_results(connection, now - settings.keep_results_s, now, _MOST_AT_ONCE)
            if settings.keep_jobs_s:
                expiry.forget_jobs(connection, now - settings.keep_jobs_s, now, _MOST_AT_ONCE)
            return expiry.garbage(connection, _MOST_AT_ONCE)

        with self.removing() as is_allowed:
            if is_allowed:
                await self._remove(await self.database.run(unit, durable=False))
        await self._tidy()

    async def _tidy(self) -> None:
        """Remove what killed writers left, once an hour: it looks at every object's name."""
        now = time.monotonic()
        if now >= self._tidy_at:
            self._tidy_at = now + _TIDY_EVERY_S
            await self.storage.tidy(_STALE_DRAFT_S)

    async def _remove(self, keys: list[str]) -> None:
        """Remove objects, then what says that they are to be removed."""
        if not keys:
            return
        still = await self.database.run(lambda each: expiry.unnamed(each, keys))
        for key in still:
            await self.storage.delete(Bucket.RESULTS, key)
        await self.database.run(lambda each: expiry.removed(each, keys), durable=False)
