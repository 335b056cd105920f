"""The notifier: hears what happened, owes it to whoever wants it, and delivers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI

from imagemill.contracts.identity import Signer
from imagemill.database import Connection, Database
from imagemill.database.migrations import migrations_of
from imagemill.faults import Faults
from imagemill.notifier.channels import Channel
from imagemill.notifier.fanout import Fanout
from imagemill.notifier.logs import Log
from imagemill.notifier.records import deliveries
from imagemill.notifier.sender import Aftermath, Sender
from imagemill.notifier.settings import NotifierSettings
from imagemill.notifier.sweep import Sweeper
from imagemill.notifier.wanted import Wanted
from imagemill.telemetry.instruments import Instruments
from imagemill.web import service_app


@dataclass(frozen=True, slots=True)
class Notifier:
    """Reads logs of events and delivers what is owed; channels attach to `wanted` and `channels`.

    A delivery never holds up or fails a job: jobs are read about, and asked nothing else.
    """

    database: Database
    signer: Signer
    logs: Sequence[Log]
    wanted: Sequence[Wanted]
    """Who wants to be told, each for some channels."""
    channels: Mapping[str, Channel]
    """Ways of telling, by the name that targets give."""
    settings: NotifierSettings
    chance: Callable[[], float]
    """Gives numbers from -1 to 1."""
    aftermath: Aftermath | None = None
    faults: Faults = field(default_factory=Faults.none)
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    """Rung when something is owed."""
    instruments: Instruments = field(default_factory=Instruments)

    def app(self) -> FastAPI:
        """Make the HTTP side, to which each way of telling adds its routes."""
        return service_app("Imagemill notifier", self.signer)

    async def start(self) -> None:
        """Bring the schema up to date."""
        await self.database.migrate(migrations_of("imagemill.notifier"))

    async def run(self) -> None:
        """Hear, owe and deliver, until cancelled."""
        sender = self.sender()
        async with asyncio.TaskGroup() as group:
            for log in self.logs:
                group.create_task(self.fanout(log).run())
            group.create_task(sender.run())
            group.create_task(self.sweeper().run())

    def fanout(self, log: Log) -> Fanout:
        """Make what reads a log."""
        return Fanout(log, self.database, self.wanted, self.bell, self.faults)

    def sender(self) -> Sender:
        """Make what delivers."""
        return Sender(
            self.database,
            self.channels,
            self.settings,
            self.bell,
            chance=self.chance,
            aftermath=self.aftermath,
            faults=self.faults,
            instruments=self.instruments,
        )

    def sweeper(self) -> Sweeper:
        """Make what forgets."""
        return Sweeper(self.database, self.settings.keep_deliveries_s)

    async def health(self) -> dict[str, Any]:
        """Tell how many deliveries are owed, and how old the oldest of them is."""

        def unit(connection: Connection) -> dict[str, Any]:
            count, oldest_at = deliveries.owed(connection)
            oldest_s = None if oldest_at is None else round(connection.now() - oldest_at, 3)
            return {"owed": count, "oldest_owed_s": oldest_s}

        return await self.database.read(unit)
