"""Forget what its time is over for: ended deliveries, and answers to keyed requests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog

from imagemill.database import Connection, Database
from imagemill.errors import ImagemillError
from imagemill.idempotency import KEPT_S
from imagemill.idempotency import records as answers
from imagemill.notifier.records import deliveries

_EVERY_S: Final = 60.0
_AT_ONCE: Final = 500
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Keeps the notifier's database from growing for ever."""

    database: Database
    keep_deliveries_s: float

    async def run(self) -> None:
        """Look from time to time, until cancelled."""
        while True:
            try:
                await self.look()
            except ImagemillError as error:
                _log.warning("deliveries_not_swept", reason=error.message)
            await asyncio.sleep(_EVERY_S)

    async def look(self) -> None:
        """Forget all whose time is over, a part in each transaction."""
        forgotten = _AT_ONCE
        while forgotten == _AT_ONCE:
            forgotten = await self.database.run(self._forget, durable=False)

    def _forget(self, connection: Connection) -> int:
        now = connection.now()
        return max(
            deliveries.forget(connection, now - self.keep_deliveries_s, _AT_ONCE),
            answers.forget(connection, now - KEPT_S, _AT_ONCE),
        )
