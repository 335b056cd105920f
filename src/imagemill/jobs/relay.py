"""The relay: announces on the queue what waits in the outbox, in its turn and not too much.

Each process of the jobs service has one. A relay takes rows before it announces them, so that
none of them is announced by two; what a process took that died is anybody's after some seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from typing import Final

import structlog
from opentelemetry.trace import Span, SpanKind

from imagemill.contracts.jobs import TOPIC, JobMessage
from imagemill.database import Connection, Database
from imagemill.errors import ImagemillError
from imagemill.faults import Faults, Point
from imagemill.jobs.bells import Bells
from imagemill.jobs.records import outbox
from imagemill.jobs.records.outbox import Waiting
from imagemill.jobs.turns import Window
from imagemill.queue import Queue
from imagemill.telemetry.meter import Meter
from imagemill.telemetry.metrics import QUEUE_PUBLISH_FAILURES, QUEUE_PUBLISHED
from imagemill.telemetry.tracing import Tracing

_MOST_AT_ONCE: Final = 128
_TAKEN_S: Final = 5.0
"""How long rows are kept from other relays: far longer than announcing them takes."""
_LOOK_EVERY_S: Final = 1.0
"""How often it is looked for what other processes left, and noted what was announced last."""
_LOOK_WHEN_FULL_S: Final = 0.25
"""The same while the window is full: jobs may be claimed at another process, which rings there."""
_RETRY_S: Final = 1.0
"""Pause after the queue or the database could not be used."""
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Relay:
    """Moves jobs from the outbox to the queue; what the queue has not got stays there."""

    database: Database
    queue: Queue
    bells: Bells
    faults: Faults
    window: Window = field(default_factory=Window)
    meter: Meter = field(default_factory=Meter)
    tracing: Tracing = field(default_factory=Tracing)

    async def run(self) -> None:
        """Announce for ever.

        That the queue has a job is noted when the next ones are read, to spare a transaction;
        after a restart the last ones are announced twice, which a claim does not mind.
        """
        published: list[Waiting] = []
        while True:
            self.bells.outbox.clear()
            try:
                published = await self._round(published)
            except ImagemillError as error:
                _log.warning("relay_waits", reason=error.message)
                await asyncio.sleep(_RETRY_S)
                continue
            if len(published) < _MOST_AT_ONCE:
                await self._rung()

    async def _rung(self) -> None:
        """Wait until there is something to look at, or may be at another process."""
        most_s = _LOOK_WHEN_FULL_S if self.bells.is_window_full else _LOOK_EVERY_S
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await self.bells.outbox.wait()

    async def _round(self, published: list[Waiting]) -> list[Waiting]:
        """Note what was published, publish whose turn it is, and give that.

        What was noted is taken out of `published`: noted again after each failure of the next ones,
        it would look as if it had been announced just then, and never be missed.
        """
        waiting = await self.database.run(
            lambda each: self._following(each, published), durable=False
        )
        published.clear()
        if waiting:
            self.faults.reach(Point.BEFORE_PUBLISH)
            await self._publish(waiting)
        return waiting

    async def _publish(self, waiting: Sequence[Waiting]) -> None:
        bodies = [each.body for each in waiting]
        try:
            with ExitStack() as spans:
                for body in bodies if self.tracing.is_on else ():
                    spans.enter_context(self._span(JobMessage.model_validate_json(body)))
                await self.queue.publish(TOPIC, bodies)
        except ImagemillError:
            self.meter.count(QUEUE_PUBLISH_FAILURES, TOPIC)
            await self.database.run(lambda each: outbox.let_go(each, waiting), durable=False)
            raise
        self.meter.count(QUEUE_PUBLISHED, TOPIC, by=len(bodies))

    def _span(self, message: JobMessage) -> AbstractContextManager[Span]:
        """Stand for the way of one job's message, in the job's own trace."""
        trace = message.metadata.get("traceparent")
        job = {"imagemill.job.id": message.job_id, "messaging.destination.name": TOPIC}
        parent = str(trace) if trace else None
        return self.tracing.span(
            "job.publish", parent=parent, kind=SpanKind.PRODUCER, attributes=job
        )

    def _following(self, connection: Connection, published: Sequence[Waiting]) -> list[Waiting]:
        now = connection.now()
        if published:
            outbox.announced(connection, published, now)
        unclaimed = outbox.unclaimed(connection)
        oldest_s = now - unclaimed.oldest_at if unclaimed.oldest_at else 0.0
        if self.bells.is_window_full:
            self.window = self.window.fitted(unclaimed.jobs, oldest_s)
        room = self.window.size - unclaimed.jobs
        most = min(room, _MOST_AT_ONCE)
        waiting = outbox.take(connection, most, _TAKEN_S) if room > 0 else []
        self.bells.is_window_full = room <= len(waiting)
        return waiting
