"""Owe a delivery for each event that somebody wants: one transaction for each part of a log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from imagemill.database import Connection, Database
from imagemill.errors import ImagemillError
from imagemill.faults import Faults, Point
from imagemill.notifier.delivery import delivery_id, lane_of
from imagemill.notifier.events import body_of
from imagemill.notifier.logs import Log, Page
from imagemill.notifier.records import deliveries, places
from imagemill.notifier.records.deliveries import Owed
from imagemill.notifier.wanted import Target, Wanted

_GATHER_S: Final = 0.2
"""Pause after each part of the log, so that busy times are told in parts and not one by one."""
_RETRY_S: Final = 1.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Fanout:
    """Reads one log, and keeps who is to be told of what.

    What is owed and the place in the log are one transaction: a crash before it tells nothing, a
    crash after it loses nothing, and an event that is heard twice is owed once.
    """

    log: Log
    database: Database
    wanted: Sequence[Wanted]
    bell: asyncio.Event
    """Rung when something is owed."""
    faults: Faults = field(default_factory=Faults.none)

    async def run(self) -> None:
        """Hear every event in order, until cancelled."""
        while True:
            try:
                await self.hear()
                await asyncio.sleep(_GATHER_S)
            except ImagemillError as error:
                _log.warning("log_not_read", log=self.log.name, reason=error.message)
                await asyncio.sleep(_RETRY_S)

    async def hear(self) -> None:
        """Hear the next part of the log; waits for it a while where there is none yet."""
        after = await self.database.read(lambda each: places.place(each, self.log.name))
        page = await self.log.after(after)
        if page.last == after:
            return
        targets = [one for each in self.wanted for one in await each.of(page.events)]
        facts = await self._facts(targets)
        self._reach(Point.BEFORE_NOTIFY, page)
        await self._keep(page, after, [_owed(each, facts) for each in targets])
        self._reach(Point.AFTER_NOTIFY, page)

    async def _facts(self, targets: Sequence[Target]) -> Mapping[str, Mapping[str, Any]]:
        told = {each.event.id: each.event for each in targets}
        return await self.log.facts(list(told.values())) if told else {}

    async def _keep(self, page: Page, after: int, owed: Sequence[Owed]) -> None:
        def unit(connection: Connection) -> None:
            if places.move(connection, self.log.name, after, page.last) and owed:
                deliveries.owe(connection, owed)

        # A place that a power cut takes back is only heard again.
        await self.database.run(unit, durable=bool(owed))
        if owed:
            self.bell.set()

    def _reach(self, point: Point, page: Page) -> None:
        for _ in range(page.heard):
            self.faults.reach(point)


def _owed(target: Target, facts: Mapping[str, Mapping[str, Any]]) -> Owed:
    event = target.event
    body = body_of(event, facts.get(event.id, event.data))
    row = {
        "id": event.id,
        "type": event.type,
        "at": event.at,
        "owner": event.owner,
        "body": body,
        "traceparent": event.traceparent,
        "request_id": event.request_id,
        "job_id": event.data.get("job_id"),
    }
    return Owed(
        id=delivery_id(event.id, target.channel, target.name),
        event=row,
        channel=target.channel,
        target=target.name,
        address=target.address,
        lane=lane_of(target.host, event.owner),
        due_at=target.due_at,
    )
