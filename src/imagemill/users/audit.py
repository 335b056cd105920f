"""The audit log over a database: taken from services, read, and removed by age."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from imagemill.audit.settings import AuditSettings
from imagemill.contracts.users import AuditEntry
from imagemill.database import Connection, Database
from imagemill.errors import ImagemillError
from imagemill.idempotency import KEPT_S
from imagemill.idempotency import records as answers
from imagemill.users.records import audit as records
from imagemill.users.records import keys
from imagemill.users.records.audit import Wanted

_SWEEP_EVERY_S: Final = 3600.0
_MOST_AT_ONCE: Final = 1000
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Audit:
    """The log of one installation; acts of the users service itself go to `records.audit.add`."""

    database: Database
    settings: AuditSettings
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def take(self, entries: list[AuditEntry]) -> None:
        """Keep entries, each once however often it is handed over."""

        def unit(connection: Connection) -> None:
            for entry in entries:
                records.add(connection, entry)

        await self.database.run(unit)

    async def listed(self, wanted: Wanted) -> list[AuditEntry]:
        """Read everybody's entries, and one more than asked for if there is."""
        return await self.database.read(lambda each: records.listed(each, wanted))

    async def of_account(self, wanted: Wanted) -> list[AuditEntry]:
        """Read what an account did, and what strangers did to it, like `listed`."""
        return await self.database.read(lambda each: records.of_account(each, wanted))

    async def sweep(self) -> None:
        """Remove what is kept no longer, for ever."""
        while True:
            try:
                await self.sweep_once()
            except ImagemillError as error:
                _log.warning("sweep_failed", reason=error.message)
            await self.sleep(_SWEEP_EVERY_S)

    async def sweep_once(self) -> None:
        """Remove entries and revoked keys that are out of date, and answers to keyed requests."""
        now = self.clock()
        before = now - self.settings.keep_days * 86_400

        def unit(connection: Connection) -> int:
            keys.forget(connection, before, _MOST_AT_ONCE)
            answers.forget(connection, now - KEPT_S, _MOST_AT_ONCE)
            return records.forget(connection, before, _MOST_AT_ONCE)

        removed = _MOST_AT_ONCE
        while removed == _MOST_AT_ONCE:
            removed = await self.database.run(unit, durable=False)
