"""A queue on Kafka: a topic for each topic, one consumer group, and offsets as what is done.

Known limits: no order, since a topic has several partitions and work ends in any order. A partition
belongs to one process at a time, so no more processes share the work than there are partitions, and
what waits in the partition of a busy process waits for it. When processes come and go partitions
are shared out anew, and a message in hand may come a second time; so may what was done behind one
in hand for long when its process dies. A killed process's messages come to others after `lease_s`.
Durable as far as the cluster is: see replicas. Messages vanish at the topic's retention, done or
not. Kafka's sessions last from 6 s to 30 min, so must the lease. Tested on Tansu 0.6 and on
librdkafka 2.16's mock, neither of which is Kafka, and not on Apache Kafka itself.

Measured 2026-11-25 on two cores of x86_64 with ten to twenty others at work, so only as orders of
magnitude (`python -m benchmarks.queues`, 300 bytes, messages a second; on Tansu, and on the mock):
publish 960, 420; 100 at once 14,900, 8,100; receive and done, each committed before the next, 200,
210; the same with prefetch 32 and nobody waiting for the other's commit 3,500 to 5,100, 2,300 to
9,800.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from imagemill.errors import Unavailable
from imagemill.queue import Promises
from imagemill.queue.kafka_cluster import Cluster, Leaving, Login, started
from imagemill.queue.kafka_feed import Feed, Taken

_LEASE_S = 30.0


@dataclass(eq=False)
class _KafkaDelivery:
    queue: KafkaQueue
    topic: str
    feed: Feed
    taken: Taken

    @property
    def body(self) -> bytes:
        return self.taken.body

    async def done(self) -> None:
        await self.feed.end(self.taken)

    async def again(self) -> None:
        """Publish it once more, behind all others: a log gives nothing back."""
        await self.queue.publish(self.topic, [self.body])
        await self.feed.end(self.taken)


@dataclass(eq=False)
class KafkaQueue:
    """A `Queue` in topics of a Kafka cluster."""

    login: Login
    now: Callable[[], float]
    """Seconds since 1970."""
    lease_s: float = _LEASE_S
    promises: Promises = field(init=False)
    _cluster: Cluster = field(init=False)
    _producer: AIOKafkaProducer | None = field(default=None, init=False)
    _leaving: Leaving = field(init=False)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _feeds: dict[str, Feed] = field(default_factory=dict, init=False)
    _made: set[str] = field(default_factory=set, init=False)
    """Topics that were there when they were looked for."""

    def __post_init__(self) -> None:
        self._cluster = Cluster(self.login)
        self._leaving = Leaving(self.login.settings.timeout_s)
        largest = self.login.settings.largest_bytes
        self.promises = Promises(ordered=False, durable=True, largest_bytes=largest)

    async def publish(self, topic: str, bodies: Sequence[bytes]) -> None:
        """Send the messages, and wait until all replicas that are in sync have them."""
        self.promises.check(bodies)
        if not bodies:
            return
        name = self._name(topic)
        producer: AIOKafkaProducer | None = None
        try:
            producer = await self._open(name)
            # Twice the time: the library waits for metadata first, and then for the answer.
            async with asyncio.timeout(2 * self.login.settings.timeout_s):
                sent = [await producer.send(name, body) for body in bodies]
                await asyncio.gather(*sent)
        except (KafkaError, TimeoutError) as error:
            self._made.discard(name)
            self._let_go(producer)
            raise Unavailable(f"Kafka did not take the messages: {error!r}.") from error

    async def receive(self, topic: str, *, prefetch: int = 1) -> AsyncIterator[_KafkaDelivery]:
        """Read as a member of the group; all receivers of a topic here are one member."""
        feed = self._feed(topic)
        feed.enter()
        left: list[Taken] = []
        try:
            while True:
                left = await feed.take(prefetch)
                while left:
                    yield _KafkaDelivery(self, topic, feed, left.pop(0))
        finally:
            await asyncio.shield(feed.leave(left))

    async def depth(self, topic: str) -> int:
        """Add up the partitions' lags; what is done behind a message in hand counts until then."""
        lags = await self._cluster.lags(self._name(topic), self._group(topic))
        return sum(each.end - each.first for each in lags.values())

    async def oldest_s(self, topic: str) -> float:
        """Give the age of the oldest message that is not done, whether it waits or not."""
        lags = await self._cluster.lags(self._name(topic), self._group(topic))
        heads = await self._cluster.heads(lags) if lags else []
        return max(0.0, self.now() - min(heads) / 1000) if heads else 0.0

    async def close(self) -> None:
        """Leave the groups, send what is to be sent, and let go."""
        for feed in self._feeds.values():
            await feed.close()
        self._let_go(self._producer)
        await self._leaving.close()
        await self._cluster.close()

    def _let_go(self, producer: AIOKafkaProducer | None) -> None:
        """Take a new one next time: what broke one for good looks like what passes."""
        if producer is None:
            return
        stop = producer.stop
        if self._producer is producer:
            self._producer = None
            self._leaving.leave(stop)

    def _name(self, topic: str) -> str:
        return f"{self.login.settings.prefix}.{topic}"

    def _group(self, topic: str) -> str:
        """Give each topic a group of its own, so that nobody's coming disturbs other topics."""
        return self._name(topic)

    def _feed(self, topic: str) -> Feed:
        if topic not in self._feeds:
            name, group = self._name(topic), self._group(topic)
            self._feeds[topic] = Feed(self._cluster, name, group, self.lease_s)
        return self._feeds[topic]

    async def _open(self, name: str) -> AIOKafkaProducer:
        async with self._opening:
            if self._producer is None:
                producer = self._cluster.producer()
                async with asyncio.timeout(self.login.settings.timeout_s):
                    await started(producer, producer.stop)
                self._producer = producer
            if name not in self._made:
                await self._cluster.make(name)
                self._made.add(name)
            return self._producer
