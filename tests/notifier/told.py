"""A notifier without HTTP: a real database, an own clock, a log and a channel that tests fill."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from imagemill.contracts.identity import Signer
from imagemill.database import Connection
from imagemill.errors import Unavailable
from imagemill.faults import Faults
from imagemill.notifier.channels import Channel, Outcome, delivered
from imagemill.notifier.delivery import Delivery
from imagemill.notifier.events import Event
from imagemill.notifier.logs import Page
from imagemill.notifier.records.deliveries import delivery_of
from imagemill.notifier.sender import Sender
from imagemill.notifier.service import Notifier
from imagemill.notifier.settings import NotifierSettings
from imagemill.notifier.wanted import Target
from tests.peers.engines import database_at

SETTINGS: Final = NotifierSettings()
_ALL: Final = """
SELECT d.*, e.type AS event_type, e.body, e.traceparent, e.request_id, e.job_id
FROM deliveries d JOIN events e ON e.id = d.event_id
ORDER BY d.created_at, d.id
"""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


def event(
    number: int, type_: str = "job.completed", owner: str = "A", webhook_url: str | None = None
) -> Event:
    """Make an event of a log that is called `test`."""
    about = {"job_id": f"job-{number}"}
    return Event(f"evt_test_{number}", type_, 1_000.0, owner, about, webhook_url)


class TestLog:
    """A log that holds what a test puts there."""

    __test__ = False
    name = "test"

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.page = 100
        self.is_away = False
        self.was_asked = asyncio.Event()

    async def after(self, number: int) -> Page:
        """Read on; there is no waiting."""
        self.was_asked.set()
        if self.is_away:
            raise Unavailable("The log cannot be read now.")
        found = self.events[number : number + self.page]
        return Page(found, number + len(found), len(found))

    async def facts(self, events: Sequence[Event]) -> Mapping[str, Mapping[str, Any]]:
        """Tell what the events say, and that somebody looked."""
        return {each.id: {**each.data, "status": "completed"} for each in events}


class Everybody:
    """Who wants every event at each of some addresses."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.asked: list[str] = []
        self.is_away = False

    async def of(self, events: Sequence[Event]) -> list[Target]:
        """Name every address for every event."""
        if self.is_away:
            raise Unavailable("Who wants what cannot be told now.")
        self.asked += [each.id for each in events]
        return [
            Target(each, "test", name, f"{name}.test") for each in events for name in self.names
        ]


class Receiver:
    """A channel that answers as a test says, and remembers what it was sent."""

    def __init__(self) -> None:
        self.got: list[Delivery] = []
        self.answers: list[Outcome | Exception] = []
        self.slow: dict[str, asyncio.Event] = {}
        self._news = asyncio.Condition()

    async def deliver(self, delivery: Delivery) -> Outcome:
        """Give the next answer, or take the delivery."""
        async with self._news:
            self.got.append(delivery)
            self._news.notify_all()
        if delivery.target in self.slow:
            await self.slow[delivery.target].wait()
        answer = self.answers.pop(0) if self.answers else delivered(200)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def heard(self, target: str, count: int) -> None:
        """Wait until a target was sent so much."""

        def is_there() -> bool:
            return sum(each.target == target for each in self.got) >= count

        async with self._news:
            await self._news.wait_for(is_there)


class Told:
    """A notifier with what it reads and how it tells."""

    def __init__(self, folder: Path, faults: Faults, settings: NotifierSettings) -> None:
        self.clock = Clock()
        self.database = database_at(folder / "notifications.sqlite", clock=self.clock)
        self.log = TestLog()
        self.wanted = Everybody("one")
        self.receiver = Receiver()
        self.channels: dict[str, Channel] = {"test": self.receiver}
        self.notifier = Notifier(
            database=self.database,
            signer=Signer(b"s" * 32),
            logs=[self.log],
            wanted=[self.wanted],
            channels=self.channels,
            settings=settings,
            chance=lambda: 0.0,
            faults=faults,
        )

    async def hear(self, *events: Event) -> None:
        """Put events into the log and let them be heard."""
        self.log.events += events
        await self.notifier.fanout(self.log).hear()

    async def send(self, sender: Sender | None = None) -> int:
        """Deliver all that is due; tell how many tries that were."""
        return await sent(sender or self.notifier.sender())

    async def owed(self) -> list[Delivery]:
        """Read every delivery, whatever became of it."""
        return await self.database.read(_all)

    async def rows(self, statement: str) -> list[dict[str, Any]]:
        """Read rows of the database."""
        return await self.database.read(lambda each: [dict(row) for row in each.execute(statement)])


@asynccontextmanager
async def telling(
    folder: Path, *, fault: str = "", settings: NotifierSettings = SETTINGS
) -> AsyncIterator[Told]:
    """Open a notifier."""
    told = Told(folder, Faults.read(fault, are_allowed=True), settings)
    await told.notifier.start()
    try:
        yield told
    finally:
        await told.database.close()


async def sent(sender: Sender) -> int:
    """Deliver all that is due; tell how many tries that were."""
    tries = 0
    while lent := await sender._take():
        async with asyncio.TaskGroup() as group:
            for each in lent:
                group.create_task(sender._deliver(each))
        tries += len(lent)
    return tries


def ids(events: Iterable[Event | Delivery]) -> list[str]:
    """Name events, or what deliveries are about."""
    return [each.event_id if isinstance(each, Delivery) else each.id for each in events]


def _all(connection: Connection) -> list[Delivery]:
    return [delivery_of(row) for row in connection.execute(_ALL)]
