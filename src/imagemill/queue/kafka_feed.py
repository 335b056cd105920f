"""One topic's messages as they come to this process, which is one member of the consumer group."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from imagemill.errors import ImagemillError, Unavailable
from imagemill.queue.kafka_cluster import Cluster, started
from imagemill.queue.kafka_ledger import Ledger, Member, share

_POLL_S: Final = 0.5
"""How long one look for messages takes when there are none."""
_RETRY_S: Final = 1.0
"""Pause after the cluster could not be used."""
_LONGEST_POLL_S: Final = 10.0
"""A look that has not ended by then waits for a group that does not come about: look again."""
_HEARTBEAT_S: Final = 1.0
"""Pause between signs of life, by whose answers a member learns of others that come and go."""
_REBALANCE_S: Final = 10.0
"""How long the others wait for a member when partitions are shared out anew; ours answer within a
heartbeat, and one that does not is dead."""
_NEVER_MS: Final = 2**31 - 1
"""A consumer that asks for nothing is at work; that it lives is told by its heartbeat."""
_COMMIT_ON_LEAVING_S: Final = 1.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """One message in hand, and the page where that is noted."""

    part: TopicPartition
    offset: int
    body: bytes
    ledger: Ledger


@dataclass(eq=False)
class Feed:
    """Reads a topic as long as somebody receives here or holds a message of it."""

    cluster: Cluster
    topic: str
    group: str
    lease_s: float
    _consumer: AIOKafkaConsumer | None = field(default=None, init=False)
    _member: str = field(default="", init=False)
    """Name that the group knew us by when partitions were shared out last."""
    _ledgers: dict[TopicPartition, Ledger] = field(default_factory=dict, init=False)
    _given_back: deque[Taken] = field(default_factory=deque, init=False)
    _receivers: int = field(default=0, init=False)
    _is_shared_out: bool = field(default=False, init=False)
    """Whether partitions are ours now; a commit while they are shared out ends a membership."""
    _polling: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _committing: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    def enter(self) -> None:
        """Count one more receiver."""
        self._receivers += 1

    async def leave(self, unseen: Iterable[Taken]) -> None:
        """Take back what a receiver had taken and not seen; the last one leaves the group.

        While something is in hand the member stays, or others would get that too.
        """
        self._receivers -= 1
        for each in unseen:
            each.ledger.give_back(each.offset)
            if each.ledger.is_ours:
                self._given_back.append(each)
        await self._close_if_idle()

    async def take(self, most: int) -> list[Taken]:
        """Give some messages, or none after a while; outlasts a cluster that is away."""
        async with self._polling:
            try:
                return self._again(most) or await self._poll(most)
            except (ImagemillError, KafkaError, TimeoutError) as error:
                _log.warning("queue_waits", topic=self.topic, reason=repr(error))
                # What the library cannot mend by itself, a new consumer does.
                await self.close()
                await asyncio.sleep(_RETRY_S)
                return []

    async def end(self, taken: Taken) -> None:
        """Note that a message is done, and tell the cluster as far as it can be told."""
        taken.ledger.end(taken.offset)
        if taken.ledger.is_ours:
            self._resume()
            await self._commit()
        await self._close_if_idle()

    async def close(self) -> None:
        """Leave the group; what is in hand comes to others at once."""
        consumer, self._consumer = self._consumer, None
        if consumer is None:
            return
        with contextlib.suppress(ImagemillError, TimeoutError):
            async with asyncio.timeout(_COMMIT_ON_LEAVING_S):
                await self._commit(consumer)
        self._forget(self._ledgers)
        with contextlib.suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(self.cluster.settings.timeout_s):
                await consumer.stop()

    def describe(self) -> Member:
        """Say what this member holds when partitions are shared out."""
        held = [part.partition for part, ledger in self._ledgers.items() if ledger.is_held]
        return Member(held, takes=self._receivers > 0)

    async def revoked(self) -> None:
        """Tell how far everything is done, before partitions are shared out anew."""
        self._given_back.clear()
        if self._consumer:
            with contextlib.suppress(ImagemillError, TimeoutError):
                async with asyncio.timeout(_COMMIT_ON_LEAVING_S):
                    await self._commit(self._consumer)
        self._is_shared_out = False

    def assigned(self, parts: set[TopicPartition], member: str) -> None:
        """Begin pages for new partitions; go on with those that stayed.

        A member that got a new name was away, and anybody may have had its partitions meanwhile,
        or the cluster has forgotten everything: then no page says anything any more.
        """
        gone = set(self._ledgers) - parts if member == self._member else set(self._ledgers)
        self._member = member
        self._forget(gone)
        for part in parts:
            self._ledgers.setdefault(part, Ledger()).read_again()
        self._is_shared_out = True

    def _forget(self, parts: Iterable[TopicPartition]) -> None:
        for part in list(parts):
            self._ledgers.pop(part).is_ours = False
        self._given_back = deque(each for each in self._given_back if each.ledger.is_ours)

    def _again(self, most: int) -> list[Taken]:
        count = min(most, len(self._given_back))
        found = [self._given_back.popleft() for _ in range(count)]
        return [each for each in found if each.ledger.take(each.offset)]

    async def _poll(self, most: int) -> list[Taken]:
        consumer = self._consumer or await self._opened()
        await self._commit(consumer)
        async with asyncio.timeout(_LONGEST_POLL_S + self.lease_s):
            found = await consumer.getmany(timeout_ms=int(_POLL_S * 1000), max_records=most)
        taken = [
            each
            for part, records in found.items()
            for record in records
            if (each := self._noted(part, record))
        ]
        self._pause(consumer)
        return taken

    def _noted(self, part: TopicPartition, record: ConsumerRecord) -> Taken | None:
        ledger = self._ledgers.setdefault(part, Ledger())
        try:
            is_new = ledger.take(record.offset)
        except LookupError as error:
            _log.warning("kafka_log_went_back", topic=self.topic, reason=str(error))
            self._forget([part])
            ledger = self._ledgers[part] = Ledger()
            is_new = ledger.take(record.offset)
        return Taken(part, record.offset, record.value or b"", ledger) if is_new else None

    async def _opened(self) -> AIOKafkaConsumer:
        await self.cluster.make(self.topic)
        longest_s = max(_REBALANCE_S, self.lease_s)
        consumer = self.cluster.consumer(
            group_id=self.group,
            session_timeout_ms=int(self.lease_s * 1000),
            heartbeat_interval_ms=int(min(self.lease_s / 3, _HEARTBEAT_S) * 1000),
            rebalance_timeout_ms=int(_REBALANCE_S * 1000),
            # Joining is answered when all have joined (by Tansu after half a session): whoever
            # waits less begins anew for ever.
            request_timeout_ms=int((longest_s + self.cluster.settings.timeout_s) * 1000),
            max_poll_interval_ms=_NEVER_MS,
            fetch_max_wait_ms=int(_POLL_S * 1000),
            partition_assignment_strategy=(_Sharing(self.describe),),
        )
        consumer.subscribe([self.topic], listener=_Listener(self, consumer))
        self._member, self._is_shared_out = "", False
        async with asyncio.timeout(_LONGEST_POLL_S + self.lease_s):
            await started(consumer, consumer.stop)
        self._consumer = consumer
        return consumer

    async def _commit(self, consumer: AIOKafkaConsumer | None = None) -> None:
        """Tell the cluster how far everything is done; who waits meanwhile is told of along."""
        consumer = consumer or self._consumer
        async with self._committing:
            due = {part: each.position for part, each in self._ledgers.items() if each.is_due}
            if not due or consumer is None or not self._is_shared_out:
                return
            try:
                async with asyncio.timeout(self.cluster.settings.timeout_s):
                    await consumer.commit(due)
            except (CommitFailedError, IllegalStateError):
                return  # Partitions are being shared out; what stays ours is told of later.
            except (KafkaError, TimeoutError) as error:
                raise Unavailable(f"Kafka could not be told what is done: {error!r}.") from error
            for part, position in due.items():
                if part in self._ledgers:
                    self._ledgers[part].committed = position

    def _pause(self, consumer: AIOKafkaConsumer) -> None:
        """Read no further in partitions whose oldest message takes long."""
        window = self.cluster.settings.window
        for part in consumer.assignment() - consumer.paused():
            if part in self._ledgers and self._ledgers[part].span >= window:
                consumer.pause(part)

    def _resume(self) -> None:
        window, consumer = self.cluster.settings.window, self._consumer
        if consumer is None:
            return
        for part in consumer.paused():
            if part in self._ledgers and self._ledgers[part].span < window:
                consumer.resume(part)

    async def _close_if_idle(self) -> None:
        if not self._receivers and not any(each.is_held for each in self._ledgers.values()):
            await self.close()


@dataclass(eq=False)
class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    feed: Feed
    consumer: AIOKafkaConsumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await self.feed.revoked()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        # The library tells nobody else by which name the group knows us.
        self.feed.assigned(set(assigned), self.consumer._coordinator.member_id)  # noqa: SLF001 - see above


@dataclass(eq=False)
class _Sharing(AbstractPartitionAssignor):  # type: ignore[misc]  # the library has no types
    """`share` in the words of Kafka's protocol; what a member holds travels with its request."""

    describe: Callable[[], Member]
    name = "imagemill"

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        member = self.describe()
        said = json.dumps({"held": list(member.held), "takes": member.takes}).encode()
        return ConsumerProtocolMemberMetadata(0, list(topics), said)

    def assign(
        self,
        cluster: ClusterMetadata,
        members: Mapping[str, ConsumerProtocolMemberMetadata],
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        (topic,) = {each for member in members.values() for each in member.subscription}
        described = {name: Member(**json.loads(each.user_data)) for name, each in members.items()}
        shares = share(cluster.partitions_for_topic(topic) or (), described)
        return {
            name: ConsumerProtocolMemberAssignment(0, [(topic, partitions)], b"")
            for name, partitions in shares.items()
        }

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Need nothing of it; the listener is told."""
