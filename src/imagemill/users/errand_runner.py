"""Errands run: told to their service again and again until it has heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.notifier import Letter, NotifierClient
from imagemill.database import Connection, Database
from imagemill.errors import ImagemillError
from imagemill.users.errand import Errand, Kind, pause_s
from imagemill.users.records import errands

_LOOK_EVERY_S: Final = 5.0
_MOST_AT_ONCE: Final = 50
_ONE_S: Final = 60.0
"""Seconds for one errand; letting go of all that an account has may take a while."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ErrandRunner:
    """Tell what is to be told."""

    database: Database
    peers: Mapping[str, ServiceClient]
    """Services that run here or have an address; what others are to be told waits for them."""
    clock: Callable[[], float]
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        """Say that something was added; said in the event loop, after its transaction has ended."""
        self._bell.set()

    async def run(self) -> None:
        """Tell what is due, until cancelled."""
        while True:
            try:
                await self.once()
            except ImagemillError as error:
                _log.warning("errands_not_read", reason=error.message)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._bell.wait()
            self._bell.clear()

    async def once(self) -> None:
        """Tell each thing that is due once."""
        now, peers = self.clock(), tuple(self.peers)
        due = await self.database.read(lambda each: errands.due(each, peers, now, _MOST_AT_ONCE))
        for errand in due:
            await self._try(errand)

    async def _try(self, errand: Errand) -> None:
        try:
            async with asyncio.timeout(_ONE_S):
                await self._tell(errand)
        except (ImagemillError, TimeoutError) as error:
            _log.warning("errand_in_vain", peer=errand.peer, kind=errand.kind, reason=str(error))
            await self.database.run(lambda each: self._postpone(each, errand))
            return
        await self.database.run(lambda each: errands.done(each, errand.id))

    async def _tell(self, errand: Errand) -> None:
        client = self.peers[errand.peer]
        if errand.kind == Kind.LETTER:
            await NotifierClient(client).send(Letter.model_validate_json(errand.body))
        else:
            await client.call("POST", f"/internal/accounts/{errand.body}/delete")

    def _postpone(self, connection: Connection, errand: Errand) -> None:
        now = self.clock()
        errands.later(connection, errand.id, now + pause_s(errand.tries))
        errands.drop_old(connection, now)
