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
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field

import structlog

from imagemill.database import Connection, Database, Row
from imagemill.database.migrations import migrations_of
from imagemill.errors import ImagemillError
from imagemill.queue import Promises

LEASE_S = 30.0
"""How long a message stays invisible without a sign of life."""
_ASK_EVERY_S = 0.1
_GIVE_BACK_S = 5.0
"""Longest wait for a claim that nobody wants any more; a later one is given back all the same."""
_RETRY_S = 1.0
"""Pause after the database could not be used."""
_log = structlog.get_logger(__name__)

_PUBLISH = """
INSERT INTO messages (topic, body, visible_at, published_at) VALUES (:topic, :body, 0, :now)
"""
CLAIM = """
UPDATE messages SET visible_at = :until
WHERE id IN (
    SELECT id FROM messages WHERE topic = :topic AND visible_at <= :now ORDER BY id LIMIT :most
)
RETURNING id, body, visible_at
"""
"""Takes the first messages of a topic that nobody has."""
_PEEK = "SELECT 1 FROM messages WHERE topic = :topic AND visible_at <= :now LIMIT 1"
# Each names the lease that it is about: whoever was silent for too long says nothing of another's.
_EXTEND = "UPDATE messages SET visible_at = :until WHERE id = :id AND visible_at = :held"
_GIVE_BACK = "UPDATE messages SET visible_at = 0 WHERE id = :id AND visible_at = :held"
_DONE = "DELETE FROM messages WHERE id = :id AND visible_at = :held"
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
    held: float
    """The end of the lease as it stands in the row, which tells this lease from any other."""

    async def done(self) -> None:
        await self.queue.finish(self, _DONE)

    async def again(self) -> None:
        await self.queue.finish(self, _GIVE_BACK, news=True)
        self.queue.wake(self.topic)


@dataclass(eq=False)
class SQLQueue:
    """A `Queue` in one table."""

    database: Database
    lease_s: float = LEASE_S
    claim: str = field(default=CLAIM, init=False)
    ask_every_s: float = field(default=_ASK_EVERY_S, init=False)
    """How often who waits looks for what other processes did."""
    promises: Promises = field(
        default=Promises(ordered=True, durable=True, largest_bytes=1 << 20), init=False
    )
    _held: set[_SQLDelivery] = field(default_factory=set, init=False)
    _news: defaultdict[str, asyncio.Event] = field(
        default_factory=lambda: defaultdict(asyncio.Event), init=False
    )
    _keeper: asyncio.Task[None] | None = field(default=None, init=False)
    _extending: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    """Held while leases are written anew: what is said of one meanwhile would name the old one."""
    _returning: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    """Give back what was claimed for a receiver that had gone."""

    async def start(self) -> None:
        """Make the table and begin to keep held messages invisible."""
        await self.database.migrate(migrations_of("imagemill.queue"))
        self._keeper = asyncio.create_task(self._keep_held(), name="queue-keeper")

    async def publish(self, topic: str, bodies: Sequence[bytes]) -> None:
        """Insert the messages in one transaction."""
        self.promises.check(bodies)

        def unit(connection: Connection) -> None:
            now = connection.now()
            rows = [{"topic": topic, "body": body, "now": now} for body in bodies]
            connection.execute_many(_PUBLISH, rows)
            connection.tell(topic)

        await self.database.run(unit, durable=False)
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

        def unit(connection: Connection) -> float:
            now = connection.now()
            rows = connection.execute(_OLDEST, {"topic": topic, "now": now})
            published_at = rows[0]["published_at"]
            return 0.0 if published_at is None else max(0.0, now - published_at)

        return await self.database.read(unit)

    async def finish(
        self,
        delivery: _SQLDelivery,
        statement: str,
        *,
        news: bool = False,
    ) -> None:
        """Stop holding a message and write what becomes of it; with `news`, others may have it."""
        self._held.discard(delivery)
        await self._leases_stand()

        def unit(connection: Connection) -> None:
            connection.execute(statement, _lease(delivery))
            if news:
                connection.tell(delivery.topic)

        await self.database.run(unit, durable=False)

    def wake(self, topic: str) -> None:
        """Tell this process's consumers that there is news."""
        self._news.pop(topic, asyncio.Event()).set()

    async def close(self) -> None:
        """Stop keeping messages, and give back those in hand."""
        if self._keeper:
            async with self._extending:
                self._keeper.cancel()
                await asyncio.gather(self._keeper, return_exceptions=True)
        if self._returning:
            await asyncio.wait(self._returning, timeout=_GIVE_BACK_S)
        await self._give_back(self._held)

    async def _give_back(self, deliveries: Collection[_SQLDelivery]) -> None:
        """Make messages visible; where that fails, their leases run out."""
        topics, given = {each.topic for each in deliveries}, list(deliveries)
        self._held.difference_update(given)
        if not given:
            return
        await self._leases_stand()
        rows = [_lease(each) for each in given]
        with contextlib.suppress(ImagemillError):
            await self.database.run(lambda each: each.execute_many(_GIVE_BACK, rows), durable=False)
        for topic in topics:
            self.wake(topic)

    async def _claim(self, topic: str, most: int) -> list[_SQLDelivery]:
        def unit(connection: Connection) -> list[Row]:
            now = connection.now()
            row = {"topic": topic, "now": now, "until": now + self.lease_s, "most": most}
            return connection.execute(self.claim, row)

        rows = await self.database.run(unit, durable=False)
        rows.sort(key=lambda row: int(row["id"]))
        return [
            _SQLDelivery(self, row["id"], row["body"], topic, row["visible_at"]) for row in rows
        ]

    async def _claim_whole(self, topic: str, most: int) -> list[_SQLDelivery]:
        """Claim; when who waits is cancelled meanwhile, what it brought is given back."""
        claiming = asyncio.ensure_future(self._claim(topic, most))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            returning = asyncio.create_task(self._return(claiming), name="queue-returning")
            self._returning.add(returning)
            returning.add_done_callback(self._returning.discard)
            await asyncio.wait({returning}, timeout=_GIVE_BACK_S)
            raise

    async def _return(self, claiming: asyncio.Future[list[_SQLDelivery]]) -> None:
        with contextlib.suppress(ImagemillError):
            await self._give_back(await claiming)

    async def _wait(self, topic: str, news: asyncio.Event) -> None:
        """Wait for a message: this process tells of its own, the others' are looked for.

        Looking only reads, so an idle queue writes nothing.
        """
        while not news.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.ask_every_s):
                    await news.wait()
            if not news.is_set() and await self._is_waiting(topic):
                return

    async def _is_waiting(self, topic: str) -> bool:
        def unit(connection: Connection) -> bool:
            return bool(connection.execute(_PEEK, {"topic": topic, "now": connection.now()}))

        try:
            return await self.database.read(unit)
        except ImagemillError as error:
            _log.warning("queue_waits", topic=topic, reason=error.message)
            return False

    async def _claim_or_wait(self, topic: str, most: int) -> list[_SQLDelivery]:
        """Claim, and outlast a database that cannot be used now: consumers never end by it."""
        try:
            return await self._claim_whole(topic, most)
        except ImagemillError as error:
            _log.warning("queue_waits", topic=topic, reason=error.message)
            await asyncio.sleep(_RETRY_S)
            return []

    async def _keep_held(self) -> None:
        while True:
            await asyncio.sleep(self.lease_s / 3)
            try:
                await self._extend_held()
            except ImagemillError as error:
                _log.warning("queue_lease_not_extended", reason=error.message)

    async def _leases_stand(self) -> None:
        """Wait while leases are written anew."""
        async with self._extending:
            pass

    async def _extend_held(self) -> None:
        async with self._extending:
            held = list(self._held)

            def unit(connection: Connection) -> float:
                until = connection.now() + self.lease_s
                rows = [{**_lease(each), "until": until} for each in held]
                connection.execute_many(_EXTEND, rows)
                return until

            until = await self.database.run(unit, durable=False)
            for each in held:
                each.held = until


def _lease(delivery: _SQLDelivery) -> dict[str, float]:
    return {"id": delivery.id, "held": delivery.held}
