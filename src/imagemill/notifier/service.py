"""The notifier's loop. Channels (webhook, mail, SMS, push) attach here; none is built yet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

import structlog
from fastapi import FastAPI, Request

from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.jobs import JobEvent, JobsClient
from imagemill.database import Database
from imagemill.database.migrations import migrations_of
from imagemill.errors import ImagemillError
from imagemill.faults import Faults, Point
from imagemill.notifier import records
from imagemill.web import service_app
from imagemill.web.internal import answer_processes

_LOG: Final = "jobs"
_WAIT_S: Final = 20.0
_GATHER_S: Final = 0.2
"""Pause after each part of the log, so that busy times are told in parts and not one by one."""
_RETRY_S: Final = 1.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Notifier:
    """Reads the log of events, remembers how far, and notes each event."""

    jobs: JobsClient
    database: Database
    signer: Signer
    faults: Faults = field(default_factory=Faults.none)

    def app(self) -> FastAPI:
        """Make the HTTP side; it has no route of its own yet."""
        app = service_app("Imagemill notifier", self.signer)
        answer_processes(app, "POST", "/internal/accounts/{account}/delete", self.forget)
        return app

    async def forget(self, request: Request, _: Identity) -> None:
        """Forget all that is kept of an account: nothing yet."""

    async def start(self) -> None:
        """Bring the schema up to date."""
        await self.database.migrate(migrations_of("imagemill.notifier"))

    async def run(self) -> None:
        """Hear every event once and in order, until cancelled."""
        after = await self.database.read(lambda each: records.place(each, _LOG))
        while True:
            try:
                after = await self._hear(after)
                await asyncio.sleep(_GATHER_S)
            except ImagemillError as error:
                _log.warning("log_not_read", reason=error.message)
                await asyncio.sleep(_RETRY_S)

    async def _hear(self, after: int) -> int:
        events = await self.jobs.events(after, wait_s=_WAIT_S)
        for event in events:
            self.faults.reach(Point.BEFORE_NOTIFY)
            self._note(event)
            self.faults.reach(Point.AFTER_NOTIFY)
        if not events:
            return after
        last = events[-1].id
        await self.database.run(lambda each: records.keep_place(each, _LOG, last), durable=False)
        return last

    def _note(self, event: JobEvent) -> None:
        _log.debug("event", id=event.id, type=event.type, job_id=event.job_id)
