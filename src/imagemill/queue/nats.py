"""A queue on NATS JetStream.

Known limits: order is kept apart from messages given back, those of a consumer that died, and
publishes that had to be sent again. Durable as the stream is: one server keeps a message that it
has acknowledged over `kill -9`, over a power cut only when it syncs (`sync_interval: always`); with
three replicas the loss of a server costs nothing. A message that was done comes again when the
server dies before it has written that down. Messages of up to what the server takes, less 1 KiB for
headers, 1 MiB at most. The age of the oldest message counts those that are worked on. A stream that
exists is used as it is; `replicas` is for those that are made.

One stream for each topic, since then one question tells its depth and age, and each can be given
limits and wiped alone. Work-queue retention: what is done is gone. Pull consumers, one durable for
each stream, which all workers share.

A publish carries an id (`Nats-Msg-Id`), made for it and kept when it is sent again, so that an
acknowledgement that was lost does not double a message. The id is not a hash of the body: the jobs
service announces a job again in the same words after its message was lost, and the server must not
take that for a double.

Tested on nats-server 2.15, one server; not tested on a cluster. Older than 2.10 is refused.
Measured 2026-11-25 on two cores of x86_64 with much else going on (`python -m benchmarks.queues`,
300 bytes, messages a second; the SQL queue on SQLite in the same run): publish 2,300 (2,700), 100
at once 12,700 (52,800), receive and done 2,150 (1,700), with prefetch 32 3,900 (12,100).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from nats import errors as nats_errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NoStreamResponseError

from imagemill.errors import ImagemillError, InvalidRequest, NotFound, Unavailable
from imagemill.queue import Promises
from imagemill.queue.nats_connection import ANSWER_S, Connection, Login, heeding

_CONSUMER: Final = "workers"
_HEADERS_BYTES: Final = 1024
_LARGEST_BYTES: Final = 1 << 20
_IN_FLIGHT: Final = 100
"""Messages that may wait for their acknowledgement at once."""
_PULL_S: Final = 10.0
"""How long one request for messages stands at the server."""
_IDLE_S: Final = 2.0
"""Pause between the server's signs of life while it has nothing; twice that is silence."""
_RETRY_S: Final = 0.5
"""Pause after the server could not be used."""
_NANOSECONDS: Final = 1_000_000_000
_ALIVE: Final = "alive"
"""The request stands and there is nothing."""
_OVER: Final = "over"
"""The request has ended; there may be more for another."""
_GONE: Final = "gone"
"""There is no such stream or consumer any more, or not yet."""
_FAILURES: Final = (nats_errors.Error, JetStreamError, OSError)
_log = structlog.get_logger(__name__)


@dataclass(eq=False)
class _Delivery:
    queue: NATSQueue
    message: Msg

    @property
    def body(self) -> bytes:
        return self.message.data

    async def done(self) -> None:
        if self.queue.let_go(self):
            await self.queue.acknowledge(self.message)

    async def again(self) -> None:
        if self.queue.let_go(self):
            await self.queue.tell(self.message, Msg.Ack.Nak)


@dataclass(eq=False)
class NATSQueue:
    """A `Queue` of one stream for each topic."""

    login: Login
    new_id: Callable[[], str]
    """Makes an id for a message that no other has."""
    clock: Callable[[], float]
    """Seconds since 1970, for ages."""
    lease_s: float = 30.0
    _connection: Connection = field(init=False)
    _held: set[_Delivery] = field(default_factory=set, init=False)
    _ready: set[str] = field(default_factory=set, init=False)
    """Topics whose stream and consumer were seen."""
    pulling: set[_Pulling] = field(default_factory=set, init=False)
    """Who waits for messages now."""
    _keeper: asyncio.Task[None] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Prepare the connection; nothing is sent yet."""
        self._connection = Connection(self.login, self._ask_again)

    @property
    def promises(self) -> Promises:
        """Tell what the server takes, once it was heard of."""
        most = self._connection.max_payload_bytes - _HEADERS_BYTES
        return Promises(ordered=True, durable=True, largest_bytes=min(most, _LARGEST_BYTES))

    async def start(self) -> None:
        """Connect, or go on trying; raises `InvalidRequest` when the server will never do."""
        try:
            await self._connection.client()
        except Unavailable as error:
            _log.warning("queue_waits", reason=error.message)
        self._keeper = asyncio.create_task(self._keep_held(), name="queue-keeper")

    async def publish(self, topic: str, bodies: Sequence[bytes]) -> None:
        """Send the messages, and wait until the stream has all of them."""
        client = await self._connection.client()
        self.promises.check(bodies)
        await self._set_up(topic)
        messages = [(self.new_id(), body) for body in bodies]
        for at in range(0, len(messages), _IN_FLIGHT):
            await self._publish(client, topic, messages[at : at + _IN_FLIGHT])

    async def receive(self, topic: str, *, prefetch: int = 1) -> AsyncIterator[_Delivery]:
        """Ask for `prefetch` messages, yield them as they come, and ask again."""
        while True:
            pulling = _Pulling(self, self._next_of(topic), prefetch)
            try:
                await self._set_up(topic)
                await pulling.open(await self._connection.client())
                while delivery := await pulling.next():
                    yield delivery
            except (ImagemillError, *_FAILURES) as error:
                _log.warning("queue_waits", topic=topic, reason=str(error))
            finally:
                await pulling.close()
            self._ready.discard(topic)
            await asyncio.sleep(_RETRY_S)

    async def depth(self, topic: str) -> int:
        """Count what the stream holds: what is done is not in it."""
        state = await self._state(topic)
        return int(state.get("messages", 0))

    async def oldest_s(self, topic: str) -> float:
        """Give the age of the first message in the stream, be it worked on or not."""
        state = await self._state(topic)
        if not state.get("messages"):
            return 0.0
        return max(0.0, self.clock() - _seconds(state["first_ts"]))

    async def close(self) -> None:
        """Give back what is in hand, and leave."""
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        with contextlib.suppress(ImagemillError):
            for delivery in list(self._held):
                await delivery.again()
        await self._connection.close()

    def hold(self, delivery: _Delivery) -> None:
        """Keep a message invisible from now on."""
        self._held.add(delivery)

    def let_go(self, delivery: _Delivery) -> bool:
        """Stop holding a message; False when it is not held any more."""
        is_held = delivery in self._held
        self._held.discard(delivery)
        return is_held

    async def acknowledge(self, message: Msg) -> None:
        """Say that it is done, and wait until the server has taken note."""
        client = await self._connection.client()
        try:
            await heeding(client.request(message.reply, Msg.Ack.Ack, timeout=ANSWER_S))
        except _FAILURES as error:
            raise Unavailable(f"NATS could not be told of a message done: {error}.") from error

    async def tell(self, message: Msg, what: bytes) -> None:
        """Say what becomes of a message, without waiting."""
        client = await self._connection.client()
        try:
            await client.publish(message.reply, what)
        except _FAILURES as error:
            raise Unavailable(f"NATS could not be told of a message: {error}.") from error

    async def _publish(
        self, client: Client, topic: str, messages: Sequence[tuple[str, bytes]]
    ) -> None:
        """Publish; what is not acknowledged is sent once more under the same id."""
        missing = await self._unacknowledged(client, topic, messages)
        if not missing:
            return
        self._ready.discard(topic)
        await self._set_up(topic)
        if await self._unacknowledged(client, topic, missing):
            raise Unavailable("NATS did not acknowledge what was published.")

    async def _unacknowledged(
        self, client: Client, topic: str, messages: Sequence[tuple[str, bytes]]
    ) -> list[tuple[str, bytes]]:
        answers = await asyncio.gather(
            *(self._published(client, topic, *each) for each in messages)
        )
        return [each for each, is_there in zip(messages, answers, strict=True) if not is_there]

    async def _published(self, client: Client, topic: str, id_: str, body: bytes) -> bool:
        try:
            headers = {"Nats-Msg-Id": id_}
            sent = client.jetstream().publish(
                self._subject(topic), body, timeout=ANSWER_S, headers=headers
            )
            await heeding(sent)
        except NoStreamResponseError:
            return False
        except _FAILURES as error:
            _log.info("nats_did_not_acknowledge", topic=topic, reason=str(error))
            return False
        return True

    async def _set_up(self, topic: str) -> None:
        """Make the stream and its consumer where they are missing, as after a wipe."""
        if topic in self._ready:
            return
        stream = self._stream(topic)
        try:
            config = (await self._connection.ask(f"STREAM.INFO.{stream}"))["config"]
        except NotFound:
            wanted = self._stream_config(topic)
            config = (await self._connection.ask(f"STREAM.CREATE.{stream}", wanted))["config"]
        if config.get("retention") != "workqueue":
            raise InvalidRequest(f"The stream {stream} is no work queue; remove or rename it.")
        create = f"CONSUMER.DURABLE.CREATE.{stream}.{_CONSUMER}"
        wanted = {"stream_name": stream, "config": self._consumer_config()}
        await self._connection.ask(create, wanted)
        self._ready.add(topic)

    def _stream_config(self, topic: str) -> dict[str, Any]:
        return {
            "name": self._stream(topic),
            "subjects": [self._subject(topic)],
            "retention": "workqueue",
            "storage": "file",
            "discard": "new",
            "num_replicas": self.login.settings.replicas,
            "duplicate_window": 120 * _NANOSECONDS,
        }

    def _consumer_config(self) -> dict[str, Any]:
        """Describe the consumer; without limits that would let workers wait for each other."""
        return {
            "durable_name": _CONSUMER,
            "ack_policy": "explicit",
            "ack_wait": int(self.lease_s * _NANOSECONDS),
            "max_deliver": -1,
            "max_ack_pending": -1,
            "max_waiting": 4096,
        }

    async def _state(self, topic: str) -> dict[str, Any]:
        try:
            answer = await self._connection.ask(f"STREAM.INFO.{self._stream(topic)}")
        except NotFound:
            return {}
        state: dict[str, Any] = answer["state"]
        return state

    async def _keep_held(self) -> None:
        """Tell the server of every message in hand that it is worked on."""
        while True:
            await asyncio.sleep(self.lease_s / 3)
            try:
                for delivery in list(self._held):
                    await self.tell(delivery.message, Msg.Ack.Progress)
            except Unavailable as error:
                _log.warning("queue_lease_not_extended", reason=error.message)

    async def _ask_again(self) -> None:
        """Wake who waits for messages: what they asked for went with the old connection."""
        self._ready.clear()
        for each in self.pulling:
            each.ask_again()

    def _subject(self, topic: str) -> str:
        return f"{self.login.settings.prefix}.{topic}"

    def _stream(self, topic: str) -> str:
        return f"{self.login.settings.prefix}-{topic.replace('.', '_')}"

    def _next_of(self, topic: str) -> str:
        return f"$JS.API.CONSUMER.MSG.NEXT.{self._stream(topic)}.{_CONSUMER}"


@dataclass(eq=False)
class _Pulling:
    """Asks for messages, and again when they have come or the request is over.

    The library's `fetch` waits for a whole batch to fill, and leaves its request at the server when
    it is cancelled.
    """

    queue: NATSQueue
    subject: str
    prefetch: int
    _inbox: asyncio.Queue[_Delivery | str] = field(default_factory=asyncio.Queue, init=False)
    """Messages, and what the server says of the request in a word."""
    _client: Client = field(init=False)
    _subscription: Subscription | None = field(default=None, init=False)
    _coming: int = field(default=0, init=False)
    """Messages that were asked for and have not been seen."""

    async def open(self, client: Client) -> None:
        """Be ready for messages."""
        self._client = client
        self._subscription = await client.subscribe(client.new_inbox(), cb=self._collect)
        self.queue.pulling.add(self)

    async def next(self) -> _Delivery | None:
        """Give the next message; None when the consumer is not there any more."""
        while True:
            self._coming = self._coming or await self._ask()
            came = await self._came()
            if isinstance(came, _Delivery):
                self._coming -= 1
                return came
            if came == _GONE:
                return None
            self._coming = self._coming if came == _ALIVE else 0

    def ask_again(self) -> None:
        """Forget what was asked for: the server has forgotten it."""
        self._inbox.put_nowait(_OVER)

    async def close(self) -> None:
        """Stop receiving, and give back what nobody has seen."""
        self.queue.pulling.discard(self)
        if not self._subscription:
            return
        with contextlib.suppress(ImagemillError, TimeoutError, *_FAILURES):
            async with asyncio.timeout(ANSWER_S):
                await self._subscription.drain()  # type: ignore[no-untyped-call]  # as nats-py has it
        while not self._inbox.empty():
            left = self._inbox.get_nowait()
            with contextlib.suppress(ImagemillError):
                if isinstance(left, _Delivery):
                    await left.again()

    async def _collect(self, message: Msg) -> None:
        came = _status(message) or _Delivery(self.queue, message)
        if isinstance(came, _Delivery):
            self.queue.hold(came)
        self._inbox.put_nowait(came)

    async def _ask(self) -> int:
        assert self._subscription
        wanted = {
            "batch": self.prefetch,
            "expires": int(_PULL_S * _NANOSECONDS),
            "idle_heartbeat": int(_IDLE_S * _NANOSECONDS),
        }
        body = json.dumps(wanted).encode()
        await self._client.publish(self.subject, body, reply=self._subscription.subject)
        return self.prefetch

    async def _came(self) -> _Delivery | str:
        """Wait for what comes; a long silence is the end of the request."""
        try:
            async with asyncio.timeout(2 * _IDLE_S + 1):
                return await self._inbox.get()
        except TimeoutError:
            return _OVER


def _status(message: Msg) -> str:
    """Read what the server itself says of a request; empty for a message that was published."""
    headers = message.headers or {}
    status = headers.get("Status", "") if not message.data else ""
    if status in {"", "100"}:
        return _ALIVE if status else ""
    is_missing = status == "503" or "deleted" in headers.get("Description", "").lower()
    return _GONE if is_missing else _OVER


def _seconds(timestamp: str) -> float:
    """Read RFC 3339 with nanoseconds; a tenth of a second is enough for ages."""
    whole = datetime.fromisoformat(timestamp[:19]).replace(tzinfo=UTC).timestamp()
    fraction = timestamp[19:].rstrip("Z")
    return whole + (float(f"0{fraction}") if fraction.startswith(".") else 0.0)
