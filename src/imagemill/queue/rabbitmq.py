"""A queue on RabbitMQ: a durable topic exchange in front of quorum queues.

Known limits: order is kept apart from messages given back and those of a consumer that died.
Durable: a publish returns when a majority of the queue's replicas has written it. A publish whose
confirmation was lost may be there twice once it is published again. Messages of up to 1 MiB. A
`done` is not confirmed: when the connection dies with it, the message comes again.

There is no lease at the broker: a message is invisible as long as its consumer's connection lives,
and a connection that is silent for as long as our lease is closed by the heartbeat. A message in
hand for longer than RabbitMQ's `consumer_timeout` (30 minutes unless set) comes back although its
consumer lives; its job's lease is not touched by that, so the second worker is refused at the claim
and the first one finishes.

`depth` counts what waits, and what this process has in hand; with the management's address set it
counts what everybody has in hand, some seconds late. The age is read from the message that is next,
which is taken and given back for that; for some milliseconds `depth` does not count it.

What a consumer takes ahead: `prefetch` messages, or as many as it once had in hand at the same
time. Quorum queues count redeliveries, and RabbitMQ 4 drops what came more than 20 times unless
told otherwise; the queues made here are told so, but a policy with a lower `delivery-limit` stands
above that. Classic queues are not used, mirrored ones never.

Tested on RabbitMQ 3.10, one server; not tested on a cluster, nor on RabbitMQ 4. Measured 2026-11-25
on two cores of x86_64 with much else going on (`python -m benchmarks.queues`, 300 bytes, messages a
second; the SQL queue on SQLite in the same run): publish 140 (2,700), since each is synced, 100 at
once 1,060 (52,800), receive and done 1,170 (1,700), with prefetch 32 1,400 (12,100).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika.abc import (
    AbstractChannel,
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractQueue,
)
from aio_pika.exceptions import ChannelNotFoundEntity, PublishError

from imagemill.errors import ImagemillError, Unavailable
from imagemill.queue import Promises
from imagemill.queue.rabbitmq_connection import Connection, Login, leave, told
from imagemill.queue.rabbitmq_management import messages_in

_LARGEST_BYTES: Final = 1 << 20
_IN_FLIGHT: Final = 100
"""Messages that may wait for their confirmation at once."""
_DELIVERY_LIMIT: Final = 1_000_000_000
"""Redeliveries before the broker drops a message: never. Attempts are the jobs service's matter."""
_RETRY_S: Final = 0.5
"""Pause after the broker could not be used."""
_LOOK_EVERY_S: Final = 5.0
"""Pause between looks whether the queue is still there, while nothing comes."""
_PUBLISHED_AT: Final = "published-at-ms"
"""Header with milliseconds since 1970: the protocol's own timestamp knows only whole seconds."""
_log = structlog.get_logger(__name__)


@dataclass(eq=False)
class _Delivery:
    consuming: _Consuming
    message: AbstractIncomingMessage

    @property
    def body(self) -> bytes:
        return self.message.body

    async def done(self) -> None:
        if self.consuming.let_go(self):
            await self._settle(self.message.ack())

    async def again(self) -> None:
        if self.consuming.let_go(self):
            await self._settle(self.message.nack(requeue=True))

    async def _settle(self, saying: Awaitable[None]) -> None:
        try:
            async with told("RabbitMQ could not be told of a message"):
                await saying
        finally:
            await self.consuming.leave_when_over()


@dataclass(eq=False)
class RabbitMQQueue:
    """A `Queue` of one quorum queue for each topic."""

    login: Login
    clock: Callable[[], float]
    """Seconds since 1970, for ages."""
    consuming: set[_Consuming] = field(default_factory=set, init=False)
    """Who receives, or has messages in hand."""
    _connection: Connection = field(init=False)
    _ready: set[str] = field(default_factory=set, init=False)
    """Topics whose queue was seen on this connection."""
    _setting_up: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _publisher: AbstractChannel | None = field(default=None, init=False)
    """The channel on which messages are published and confirmed."""

    def __post_init__(self) -> None:
        """Prepare the connection; nothing is sent yet."""
        self._connection = Connection(self.login, self._ready.clear)

    @property
    def promises(self) -> Promises:
        """Tell what is kept, and whether others' messages can be counted."""
        counts_all = bool(self.login.settings.management_url.get_secret_value())
        return Promises(
            ordered=True, durable=True, largest_bytes=_LARGEST_BYTES, counts_all=counts_all
        )

    async def start(self) -> None:
        """Connect, or go on without; raises `InvalidRequest` when the broker will never do."""
        try:
            await (await self.open_channel()).close()
        except Unavailable as error:
            _log.warning("queue_waits", reason=error.message)

    async def open_channel(self) -> AbstractChannel:
        """Open a channel to consume from, or to look with."""
        return await self._connection.channel()

    async def publish(self, topic: str, bodies: Sequence[bytes]) -> None:
        """Send the messages, and wait until the queue has confirmed all of them."""
        self.promises.check(bodies)
        messages = [self._message(body) for body in bodies]
        await self.set_up(topic)
        for at in range(0, len(messages), _IN_FLIGHT):
            await self._publish(topic, messages[at : at + _IN_FLIGHT])

    async def receive(self, topic: str, *, prefetch: int = 1) -> AsyncIterator[_Delivery]:
        """Let the broker push messages, and yield them as they come."""
        while True:
            consuming = _Consuming(self, self._queue(topic), prefetch)
            try:
                await self.set_up(topic)
                await consuming.open()
                while delivery := await consuming.next():
                    yield delivery
            except ImagemillError as error:
                _log.warning("queue_waits", topic=topic, reason=error.message)
            finally:
                await consuming.close()
            self._ready.discard(topic)
            await asyncio.sleep(_RETRY_S)

    async def depth(self, topic: str) -> int:
        """Count what waits and is in hand, as far as that can be seen."""
        if self.promises.counts_all:
            return await messages_in(self.login, self._queue(topic))
        name = self._queue(topic)
        waiting = await self.waiting(name) or 0
        return waiting + sum(len(each.in_hand) for each in self.consuming if each.name == name)

    async def oldest_s(self, topic: str) -> float:
        """Give the age of the message that is next: it is taken, read, and given back."""
        channel = await self.open_channel()
        try:
            async with told("RabbitMQ does not tell an age"):
                head = await _peeked(channel, self._queue(topic))
        finally:
            await leave(channel)
        if head is None:
            return 0.0
        published_at = head.headers.get(_PUBLISHED_AT)
        if not isinstance(published_at, int):
            return 0.0
        return max(0.0, self.clock() - published_at / 1000)

    async def close(self) -> None:
        """Leave: what is in hand goes back into its queue."""
        for each in list(self.consuming):
            each.in_hand.clear()
        await self._connection.close()

    async def set_up(self, topic: str) -> None:
        """Make the exchange and the queue where they are missing, as after a wipe."""
        async with self._setting_up:
            await self._connection.connected()
            if topic in self._ready:
                return
            channel = await self.open_channel()
            try:
                async with told("RabbitMQ sets up no queue"):
                    await self._declare(channel, topic)
            finally:
                await leave(channel)
            self._ready.add(topic)

    async def _declare(self, channel: AbstractChannel, topic: str) -> None:
        exchange = await channel.declare_exchange(
            self.login.settings.prefix, ExchangeType.TOPIC, durable=True
        )
        queue = await channel.declare_queue(
            self._queue(topic),
            durable=True,
            arguments={"x-queue-type": "quorum", "x-delivery-limit": _DELIVERY_LIMIT},
        )
        await queue.bind(exchange, routing_key=topic)

    async def _publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Publish; what comes back because its queue is gone is sent once more."""
        returned = await self._unrouted(topic, messages)
        if not returned:
            return
        self._ready.discard(topic)
        await self.set_up(topic)
        if await self._unrouted(topic, returned):
            raise Unavailable("RabbitMQ has no queue for what was published.")

    async def _unrouted(self, topic: str, messages: Sequence[Message]) -> list[Message]:
        exchange = await self._publishing()
        async with told("RabbitMQ did not confirm"):
            answers = await asyncio.gather(
                *(_is_routed(exchange, each, topic) for each in messages)
            )
        return [each for each, is_there in zip(messages, answers, strict=True) if not is_there]

    async def _publishing(self) -> AbstractExchange:
        async with self._setting_up:
            if self._publisher is None or self._publisher.is_closed:
                self._publisher = await self._connection.channel(publishes=True)
            return await self._publisher.get_exchange(self.login.settings.prefix, ensure=False)

    async def waiting(self, name: str) -> int | None:
        """Count what waits in a queue; None where there is no such queue."""
        channel = await self.open_channel()
        try:
            async with told("RabbitMQ does not count"):
                queue = await _existing(channel, name)
        finally:
            await leave(channel)
        return None if queue is None else queue.declaration_result.message_count or 0

    def _message(self, body: bytes) -> Message:
        published_at = int(self.clock() * 1000)
        return Message(
            body, delivery_mode=DeliveryMode.PERSISTENT, headers={_PUBLISHED_AT: published_at}
        )

    def _queue(self, topic: str) -> str:
        return f"{self.login.settings.prefix}.{topic}"


@dataclass(eq=False)
class _Consuming:
    """One receiver's channel, which lives until the last message in hand is settled."""

    queue: RabbitMQQueue
    name: str
    prefetch: int
    in_hand: set[_Delivery] = field(default_factory=set, init=False)
    """Messages taken from the broker and not settled, seen or not."""
    _inbox: asyncio.Queue[_Delivery | None] = field(default_factory=asyncio.Queue, init=False)
    """Messages that nobody has seen; None when the channel was closed."""
    _channel: AbstractChannel | None = field(default=None, init=False)
    _consumed: AbstractQueue = field(init=False)
    _tags: list[str] = field(default_factory=list, init=False)
    _is_over: bool = field(default=False, init=False)

    async def open(self) -> None:
        """Be ready for messages."""
        self._channel = await self.queue.open_channel()
        self.queue.consuming.add(self)
        self._channel.close_callbacks.add(self._closed)
        async with told("RabbitMQ takes no consumer"):
            await self._channel.set_qos(prefetch_count=self.prefetch)
            self._consumed = await self._channel.get_queue(self.name, ensure=False)

    async def next(self) -> _Delivery | None:
        """Give the next message; None when the channel was closed or the queue is gone."""
        if self._inbox.empty() and len(self.in_hand) >= len(self._tags) * self.prefetch:
            await self._consume_more()
        while True:
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    return await self._inbox.get()
            except TimeoutError:
                if await self.queue.waiting(self.name) is None:
                    return None

    def let_go(self, delivery: _Delivery) -> bool:
        """Stop holding a message; False when it is not held any more."""
        is_held = delivery in self.in_hand
        self.in_hand.discard(delivery)
        return is_held

    async def close(self) -> None:
        """Stop receiving, and give back what nobody has seen."""
        self._is_over = True
        with contextlib.suppress(Unavailable):
            async with told("RabbitMQ keeps a consumer"):
                for tag in self._tags:
                    await self._consumed.cancel(tag)
        while not self._inbox.empty():
            if left := self._inbox.get_nowait():
                with contextlib.suppress(ImagemillError):
                    await left.again()
        await self.leave_when_over()

    async def leave_when_over(self) -> None:
        """Close the channel once nobody receives and nothing is in hand."""
        if self._is_over and not self.in_hand:
            self.queue.consuming.discard(self)
            if self._channel:
                await leave(self._channel)

    async def _consume_more(self) -> None:
        """Let the broker push more, since all that it may push is in hand.

        Its limit counts messages in hand, and is fixed for a consumer; another consumer has a
        limit of its own.
        """
        async with told("RabbitMQ takes no consumer"):
            self._tags.append(await self._consumed.consume(self._collect))

    async def _collect(self, message: AbstractIncomingMessage) -> None:
        delivery = _Delivery(self, message)
        self.in_hand.add(delivery)
        self._inbox.put_nowait(delivery)

    def _closed(self, *_: object) -> None:
        self.in_hand.clear()
        self._inbox.put_nowait(None)
        if self._is_over:  # Nobody settles anything here any more, who would see that it is over.
            self.queue.consuming.discard(self)


async def _existing(channel: AbstractChannel, name: str) -> AbstractQueue | None:
    """Find a queue; where there is none, the broker closes the channel."""
    try:
        return await channel.declare_queue(name, passive=True)
    except ChannelNotFoundEntity:
        return None


async def _peeked(channel: AbstractChannel, name: str) -> AbstractIncomingMessage | None:
    queue = await _existing(channel, name)
    head = await queue.get(fail=False) if queue else None
    if head:
        await head.nack(requeue=True)
    return head


async def _is_routed(exchange: AbstractExchange, message: Message, topic: str) -> bool:
    try:
        await exchange.publish(message, topic, mandatory=True)
    except PublishError:
        return False
    return True
