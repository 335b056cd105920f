"""The fetch loop: takes what is due, a few at a time, and brings it in as uploads come in."""

from __future__ import annotations

import asyncio
import math
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from imagemill.contracts.uploads import Intake
from imagemill.database import Connection, Database
from imagemill.egress.bounds import Bounds
from imagemill.egress.client import PER_HOST, Egress
from imagemill.errors import Conflict, ImagemillError, Internal
from imagemill.uploads.bell import Bell, heard
from imagemill.uploads.fetch import MOST_TAKEN, Again, Fetch, Ruling, after_failure, given_up
from imagemill.uploads.originals import Originals
from imagemill.uploads.records import fetches
from imagemill.uploads.settings import UploadsSettings

_LOOK_EVERY_S: Final = 5.0
"""How often it is looked for what other processes wrote."""
_CROWDED_S: Final = 0.2
"""Pause while what is due is of hosts that are asked by as many as may ask them."""
_RETRY_S: Final = 1.0
"""Pause after the database could not be used."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Fetching:
    """Fetch what is promised, over one database."""

    database: Database
    originals: Originals
    egress: Egress
    settings: UploadsSettings
    promised: Bell
    """Rings when there may be something to fetch."""
    ended: Bell
    """Is rung when the log of events has grown."""
    jitter: Callable[[float], float] = lambda pause_s: pause_s * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
    clock: Callable[[], float] = time.time
    _hands: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Fetch for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                bell = self.promised.taken()
                try:
                    pause_s = await self._round(group)
                except ImagemillError as error:
                    _log.warning("fetching_waits", reason=error.message)
                    pause_s = _RETRY_S
                await heard(bell, pause_s)

    async def _round(self, group: asyncio.TaskGroup) -> float:
        """Begin what is due while there are hands; tell how long there is nothing to begin."""
        free = self.settings.fetches_at_once - len(self._hands)
        if free <= 0:
            return _LOOK_EVERY_S  # A hand that gets free rings.
        taken, due_at = await self.database.run(lambda each: self._taken(each, free), durable=False)
        for fetch in taken:
            task = group.create_task(self._fetched(fetch))
            self._hands.add(task)
            task.add_done_callback(self._freed)
        if taken:
            return 0.0
        return min(_LOOK_EVERY_S, max(_CROWDED_S, (due_at or math.inf) - self.clock()))

    def _taken(self, connection: Connection, most: int) -> tuple[list[Fetch], float | None]:
        now = self.clock()
        if (due_at := fetches.next_due(connection)) is None or due_at > now:
            return [], due_at
        leases = [str(uuid.uuid4()) for _ in range(most)]
        until = now + self.settings.fetch_lease_s
        return fetches.take(connection, leases, now, until, PER_HOST), due_at

    def _freed(self, task: asyncio.Task[None]) -> None:
        self._hands.discard(task)
        self.promised.ring()

    async def _fetched(self, fetch: Fetch) -> None:
        try:
            await self._kept(fetch)
        except asyncio.CancelledError:
            await self._noted(fetch, Again(0.0, fetch.failures))
            raise
        except Conflict:
            _log.info("fetch_was_overtaken", image_id=fetch.image_id)
        except ImagemillError as error:
            await self._failed(fetch, error)
        except Exception:  # noqa: BLE001 - one image's end must not be the end of all others'
            _log.exception("fetch_broke", image_id=fetch.image_id)
            await self._failed(fetch, Internal("Something went wrong on our side."))
        self.ended.ring()

    async def _kept(self, fetch: Fetch) -> None:
        """Bring one image in; it is recorded and its fetch ended in one transaction."""
        if fetch.taken > MOST_TAKEN:  # Each time its process ended, which ends with this.
            raise given_up()
        bounds = Bounds(
            most_bytes=self.originals.limits.max_bytes,
            read_s=self.settings.fetch_read_s,
            total_s=self.settings.fetch_total_s,
        )

        def ended(connection: Connection, intake: Intake) -> None:
            fetches.stored(connection, fetch, intake.image.image_id, self.clock())

        async with self.egress.fetch(fetch.url, bounds) as answer:
            laid = await self.originals.lay(_Fetched(answer.body, fetch.name))
        laid = replace(laid, image_id=fetch.image_id)
        await self.originals.keep(fetch.asker, laid, also=ended)

    async def _failed(self, fetch: Fetch, error: ImagemillError) -> None:
        ruling = after_failure(fetch, error, self.settings.fetch_pause_s, self.jitter)
        _log.info("fetch_failed", image_id=fetch.image_id, code=error.code, reason=error.message)
        await self._noted(fetch, ruling)

    async def _noted(self, fetch: Fetch, ruling: Ruling) -> None:
        def unit(connection: Connection) -> None:
            if isinstance(ruling, Again):
                fetches.again(connection, fetch, ruling, self.clock())
            else:
                fetches.failed(connection, fetch, ruling, self.clock())

        try:
            await self.database.run(unit)
        except ImagemillError as lost:  # The end of the lease brings it back.
            _log.warning("fetch_not_noted", image_id=fetch.image_id, reason=lost.message)


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A picture that a host sends."""

    content: AsyncIterator[bytes]
    file_name: str | None
    fields: dict[str, str] = field(default_factory=dict)

    def pieces(self) -> AsyncIterator[bytes]:
        return self.content
