"""The way of audit entries from the service where something happened to the one that keeps them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from imagemill.audit import records
from imagemill.contracts.users import UsersClient
from imagemill.database import Database
from imagemill.errors import ImagemillError

_MOST_AT_ONCE: Final = 100
_LOOK_EVERY_S: Final = 1.0
_REST_S: Final = 5.0
"""After a call that failed; the entries stay where they are."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Forwarding:
    """Hands entries over, the oldest first; one that is handed over twice is kept once."""

    database: Database
    users: UsersClient
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self) -> None:
        """Hand over for ever."""
        while True:
            await self.sleep(await self._pause_s())

    async def once(self) -> int:
        """Hand over what waits longest; tell how many entries that were."""
        waiting = await self.database.read(lambda each: records.oldest(each, _MOST_AT_ONCE))
        if waiting:
            await self.users.keep_audit(waiting)
            await self.database.run(lambda each: records.drop(each, waiting), durable=False)
        return len(waiting)

    async def _pause_s(self) -> float:
        try:
            return 0.0 if await self.once() == _MOST_AT_ONCE else _LOOK_EVERY_S
        except ImagemillError as error:
            _log.warning("audit_waits", reason=error.message)
            return _REST_S
