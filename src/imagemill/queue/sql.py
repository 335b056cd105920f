"""A queue in a SQL database of its own.

Known limits: other processes' messages are noticed by looking every 100 ms; this process's own at
once. Ordered within a topic apart from messages given back. Durable; at a power cut SQLite may
lose messages of the last moment, and the jobs service publishes again what nobody came for.
Messages of up to 1 MiB. Tested on SQLite 3.40 and 3.45. Measured 2026-11-25 on two cores of
x86_64 with much else going on (`python -m benchmarks.queues`, 300 bytes, messages a second):
publish 2,700, 100 at once 52,800, receive and done 1,700, with prefetch 32 12,100.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field

import structlog

from imagemill.database import Connection, Database
from imagemill.database.migrations import migrations_of
from imagemill.errors import ImagemillError
from imagemill.queue import Promises

LEASE_S = 30.0
"""How long a message stays invisible without a sign of life."""
_ASK_EVERY_S = 0.1
_RETRY_S = 1.0
"""Pause after the database could not be used."""
_log = structlog.get_logger(__name__)

_PUBLISH = """
INSERT INTO messages (topic, body, visible_at, published_at) VALUES (:topic, :body, 0, :now)
"""
_CLAIM = """
UPDATE messages SET visible_at = :until
WHERE id IN (
    SELECT id FROM messages WHERE topic = :topic AND visible_at <= :now ORDER BY id LIMIT :most
)
RETURNING id, body
"""
_PEEK = "SELECT 1 FROM messages WHERE topic = :topic AND visible_at <= :now LIMIT 1"
_EXTEND = "UPDATE messages SET visible_at = :until WHERE id = :id"
_DONE = "DELETE FROM messages WHERE id = :id"
_DEPTH = "SELECT count(*) AS depth FROM messages WHERE topic = :topic"
_OLDEST = """
SELECT min(published_at) AS published_at FROM messages WHERE topic = :topic AND visible_at <= :now
"""


@dataclass(eq=False)
class _SQLDelivery:
    queue: SQLQueue
    id: int
    body: bytes
    topic: str

    async def done(self) -> None:
        await self.queue.finish(self, _DONE, {"id": self.id})

    async def again(self) -> None:
        await self.queue.finish(self, _EXTEND, {"id": self.id, "until": 0})
        self.queue.wake(self.topic)


@dataclass(eq=False)
class SQLQueue:
    """A `Queue` in one table."""

    database: Database
    lease_s: float = LEASE_S
    promises: Promises = field(
        default=Promises(ordered=True, durable=True, largest_bytes=1 << 20), init=False
    )
    _held: set[_SQLDelivery] = field(default_factory=set, init=False)
    _news: defaultdict[str, asyncio.Event] = field(
        default_factory=lambda: defaultdict(asyncio.Event), init=False
    )
    _keeper: asyncio.Task[None] | None = field(default=None, init=False)

    async def start(self) -> None:
        """Make the table and begin to keep held messages invisible."""
        await self.database.migrate(migrations_of("imagemill.queue"))
        self._keeper = asyncio.create_task(self._keep_held(), name="queue-keeper")

    async def publish(self, topic: str, bodies: Sequence[bytes]) -> None:
        """Insert the messages in one transaction."""
        self.promises.check(bodies)
        now = time.time()
        rows = [{"topic": topic, "body": body, "now": now} for body in bodies]
        await self.database.run(
            lambda connection: connection.execute_many(_PUBLISH, rows), durable=False
        )
        self.wake(topic)

    async def receive(self, topic: str, *, prefetch: int = 1) -> AsyncIterator[_SQLDelivery]:
        """Claim what is there, up to `prefetch` at once; wait for news when there is nothing."""
        while True:
            news = self._news[topic]
            deliveries = await self._claim_or_wait(topic, prefetch)
            self._held.update(deliveries)
            unseen = deque(deliveries)
            try:
                while unseen:
                    yield unseen.popleft()
            finally:
                await self._give_back(unseen)
            if not deliveries:
                await self._wait(topic, news)

    async def depth(self, topic: str) -> int:
        """Count the rows of the topic."""
        rows = await self.database.read(lambda each: each.execute(_DEPTH, {"topic": topic}))
        return int(rows[0]["depth"])

    async def oldest_s(self, topic: str) -> float:
        """Give the age of the oldest row that nobody holds."""
        now = time.time()
        parameters = {"topic": topic, "now": now}
        rows = await self.database.read(lambda each: each.execute(_OLDEST, parameters))
        published_at = rows[0]["published_at"]
        return 0.0 if published_at is None else max(0.0, now - published_at)

    async def finish(
        self, delivery: _SQLDelivery, statement: str, parameters: dict[str, float]
    ) -> None:
        """Stop holding a message and write what becomes of it."""
        self._held.discard(delivery)
        await self.database.run(
            lambda connection: connection.execute(statement, parameters), durable=False
        )

    def wake(self, topic: str) -> None:
        """Tell this process's consumers that there is news."""
        self._news.pop(topic, asyncio.Event()).set()

    async def close(self) -> None:
        """Stop keeping messages, and give back those in hand."""
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self._give_back(self._held)

    async def _give_back(self, deliveries: Collection[_SQLDelivery]) -> None:
        """Make messages visible; where that fails, their leases run out."""
        rows = [{"id": each.id, "until": 0} for each in deliveries]
        topics = {each.topic for each in deliveries}
        self._held.difference_update(list(deliveries))
        if not rows:
            return
        with contextlib.suppress(ImagemillError):
            await self.database.run(lambda each: each.execute_many(_EXTEND, rows), durable=False)
        for topic in topics:
            self.wake(topic)

    async def _claim(self, topic: str, most: int) -> list[_SQLDelivery]:
        now = time.time()
        parameters = {"topic": topic, "now": now, "until": now + self.lease_s, "most": most}
        rows = await self.database.run(lambda each: each.execute(_CLAIM, parameters), durable=False)
        rows.sort(key=lambda row: int(row["id"]))
        return [_SQLDelivery(self, row["id"], row["body"], topic) for row in rows]

    async def _wait(self, topic: str, news: asyncio.Event) -> None:
        """Wait for a message: this process tells of its own, the others' are looked for.

        Looking only reads, so an idle queue writes nothing.
        """
        while not news.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ASK_EVERY_S):
                    await news.wait()
            if not news.is_set() and await self._is_waiting(topic):
                return

    async def _is_waiting(self, topic: str) -> bool:
        parameters = {"topic": topic, "now": time.time()}
        try:
            return bool(await self.database.read(lambda each: each.execute(_PEEK, parameters)))
        except ImagemillError as error:
            _log.warning("queue_waits", topic=topic, reason=error.message)
            return False

    async def _claim_or_wait(self, topic: str, most: int) -> list[_SQLDelivery]:
        """Claim, and outlast a database that cannot be used now: consumers never end by it."""
        try:
            return await self._claim(topic, most)
        except ImagemillError as error:
            _log.warning("queue_waits", topic=topic, reason=error.message)
            await asyncio.sleep(_RETRY_S)
            return []

    async def _keep_held(self) -> None:
        while True:
            await asyncio.sleep(self.lease_s / 3)
            try:
                await self.database.run(self._extend_held, durable=False)
            except ImagemillError as error:
                _log.warning("queue_lease_not_extended", reason=error.message)

    def _extend_held(self, connection: Connection) -> None:
        until = time.time() + self.lease_s
        rows = [{"id": each.id, "until": until} for each in list(self._held)]
        connection.execute_many(_EXTEND, rows)
