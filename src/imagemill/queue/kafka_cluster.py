"""A Kafka cluster as a whole: how it is reached, its topics, and how far a group is in them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.errors import KafkaError

from imagemill.errors import InvalidRequest, Unavailable
from imagemill.queue.kafka_settings import KafkaSettings
from imagemill.queue.tls import TLSSettings, is_loopback

_SCHEME_TLS: Final = "kafkas"
_METADATA_EVERY_S: Final = 5.0
"""How soon a topic that somebody made or changed is noticed."""
_OVERHEAD_BYTES: Final = 4096
"""More than the protocol adds to one message."""
_HEAD_S: Final = 2.0
"""Longest wait for the oldest messages of all partitions."""
_NOT_FOUND: Final = 3
_EXISTS: Final = 36
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Login:
    """Where the brokers are, and what they are shown."""

    url: str
    """`kafka://host:9092,host2:9092`, with `user:password@` in front of the hosts if wanted;
    `kafkas` in place of `kafka` speaks TLS."""
    settings: KafkaSettings
    tls: TLSSettings

    def options(self) -> dict[str, Any]:
        """Give the client library's words for it; raises `InvalidRequest` for what may not be."""
        scheme, _, rest = self.url.partition("://")
        login, _, servers = rest.rpartition("@")
        user, _, password = login.partition(":")
        user = user or self.settings.user
        is_encrypted = scheme == _SCHEME_TLS or self.tls.is_set
        wanted = {
            "bootstrap_servers": servers.strip("/"),
            "client_id": "imagemill",
            "request_timeout_ms": int(self.settings.timeout_s * 1000),
            "metadata_max_age_ms": int(_METADATA_EVERY_S * 1000),
            "security_protocol": ("SASL_" if user else "")
            + ("SSL" if is_encrypted else "PLAINTEXT"),
            "ssl_context": self.tls.context() if is_encrypted else None,
        }
        if user:
            self._check_password(servers, is_encrypted=is_encrypted)
            wanted["sasl_mechanism"] = self.settings.mechanism
            wanted["sasl_plain_username"] = user
            wanted["sasl_plain_password"] = password or self.settings.password.get_secret_value()
        return wanted

    def _check_password(self, servers: str, *, is_encrypted: bool) -> None:
        hosts = (urlsplit(f"//{each.strip()}").hostname for each in servers.split(","))
        is_safe = is_encrypted or all(is_loopback(each or "") for each in hosts)
        if self.settings.mechanism == "PLAIN" and not (is_safe or self.settings.allow_plaintext):
            raise InvalidRequest(
                "IMAGEMILL_QUEUE_KAFKA_MECHANISM=PLAIN sends the password as it is, and kafka:// "
                "is spoken without TLS. Write kafkas://, take SCRAM-SHA-512, or set "
                "IMAGEMILL_QUEUE_KAFKA_ALLOW_PLAINTEXT=1."
            )


@dataclass(frozen=True, slots=True)
class Lag:
    """What of a partition is not done: the offsets from the first up to the end."""

    first: int
    end: int


class Leaving:
    """Clients that are let go, each stopped on its own within a time."""

    def __init__(self, within_s: float) -> None:
        """Begin with none; each has so many seconds."""
        self._within_s = within_s
        self._stopping: set[asyncio.Task[None]] = set()

    def leave(self, stop: Callable[[], Awaitable[None]]) -> None:
        """Begin to stop a client; who asks does not wait, for it may be what does not answer."""
        stopping = asyncio.create_task(self._stop(stop), name="kafka-leaving")
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)

    async def close(self) -> None:
        """Wait until all have stopped, or were given up."""
        await asyncio.gather(*self._stopping)

    async def _stop(self, stop: Callable[[], Awaitable[None]]) -> None:
        # One that broke may fail in any way, and is over all the same.
        (ended,) = await asyncio.gather(self._in_time(stop), return_exceptions=True)
        if isinstance(ended, Exception):
            _log.info("kafka_client_left_unsaid", reason=repr(ended))

    async def _in_time(self, stop: Callable[[], Awaitable[None]]) -> None:
        async with asyncio.timeout(self._within_s):
            await stop()


@dataclass(eq=False)
class Cluster:
    """Clients of one cluster that belong to no group, each opened when it is first needed."""

    login: Login
    _admin: AIOKafkaAdminClient | None = field(default=None, init=False)
    _reader: AIOKafkaConsumer | None = field(default=None, init=False)
    _leaving: Leaving = field(init=False)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    def __post_init__(self) -> None:
        """Prepare; nothing is asked yet."""
        self._leaving = Leaving(self.login.settings.timeout_s)

    @property
    def settings(self) -> KafkaSettings:
        """How topics are made."""
        return self.login.settings

    def producer(self) -> AIOKafkaProducer:
        """Make a producer whose messages are kept by all replicas that are in sync."""
        turn = itertools.count()
        return AIOKafkaProducer(
            **self.login.options(),
            acks="all",
            enable_idempotence=self.settings.idempotent,
            max_request_size=self.settings.largest_bytes + _OVERHEAD_BYTES,
            # In turn, not by chance: few messages wait at a time, and no partition may have most.
            partitioner=lambda _, every, usable: (usable or every)[
                next(turn) % len(usable or every)
            ],
        )

    def consumer(self, **options: Any) -> AIOKafkaConsumer:  # noqa: ANN401 - the library's options
        """Make a consumer that commits nothing by itself, and begins at the earliest."""
        return AIOKafkaConsumer(
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=max(1 << 20, self.settings.largest_bytes + _OVERHEAD_BYTES),
            **(self.login.options() | options),
        )

    async def make(self, topic: str) -> None:
        """Make a topic that is missing, and give it the partitions that it lacks.

        A broker that makes none on request, or not for us, may make it when it is used.
        """
        if not self.settings.create:
            return
        settings = self.settings
        configs = {"retention.ms": str(int(settings.retention_s * 1000))}
        new = NewTopic(topic, settings.partitions, settings.replicas, topic_configs=configs)
        try:
            async with asyncio.timeout(settings.timeout_s):
                admin = await self._administer()
                answer = await admin.create_topics([new])
                if answer.topic_errors[0][1] == _EXISTS:
                    await self._widen(admin, topic)
        except (KafkaError, AttributeError) as error:
            # aiokafka breaks with an AttributeError where a cluster names no controller.
            _log.info("kafka_topic_not_made", topic=topic, reason=repr(error))
            self._begin_anew()
        except TimeoutError as error:
            self._begin_anew()
            raise Unavailable("Kafka does not answer.") from error

    async def lags(self, topic: str, group: str) -> dict[TopicPartition, Lag]:
        """Tell what of each partition is not done; nothing for a topic that nobody made."""
        async with self._asked():
            admin, reader = await self._administer(), await self._read()
            described = (await admin.describe_topics([topic]))[0]
            parts = [TopicPartition(topic, each["partition"]) for each in described["partitions"]]
            if described["error_code"] == _NOT_FOUND or not parts:
                return {}
            ends = await reader.end_offsets(parts)
            begins = await reader.beginning_offsets(parts)
            done = await admin.list_consumer_group_offsets(group, partitions=parts)
        # A commit before the beginning is of messages that their age has removed.
        firsts = {each: max(done[each].offset, begins[each]) for each in parts}
        return {each: Lag(firsts[each], ends[each]) for each in parts if firsts[each] < ends[each]}

    async def heads(self, lags: dict[TopicPartition, Lag]) -> list[int]:
        """Give the times, in ms, of each partition's first message that is not done."""
        seen: dict[TopicPartition, int] = {}
        async with self._asked(), self._reading:
            reader = await self._read()
            reader.assign(list(lags))
            for part, lag in lags.items():
                reader.seek(part, lag.first)
            end = asyncio.get_running_loop().time() + _HEAD_S
            while len(seen) < len(lags) and asyncio.get_running_loop().time() < end:
                for part, records in (await reader.getmany(timeout_ms=200)).items():
                    seen.setdefault(part, records[0].timestamp)
                    reader.pause(part)
        return list(seen.values())

    async def close(self) -> None:
        """Let go of the brokers."""
        self._begin_anew()
        await self._leaving.close()

    def _begin_anew(self) -> None:
        """Take new clients next time: what broke one for good looks like what passes."""
        admin, reader = self._admin, self._reader
        self._admin = self._reader = None
        if admin:
            self._leaving.leave(admin.close)
        if reader:
            self._leaving.leave(reader.stop)

    async def _widen(self, admin: AIOKafkaAdminClient, topic: str) -> None:
        described = (await admin.describe_topics([topic]))[0]
        if len(described["partitions"]) < self.settings.partitions:
            await admin.create_partitions({topic: NewPartitions(self.settings.partitions)})

    async def _administer(self) -> AIOKafkaAdminClient:
        async with self._opening:
            if self._admin is None:
                admin = AIOKafkaAdminClient(**self.login.options())
                await started(admin, admin.close)
                self._admin = admin
            return self._admin

    async def _read(self) -> AIOKafkaConsumer:
        async with self._opening:
            if self._reader is None:
                reader = self.consumer()
                await started(reader, reader.stop)
                self._reader = reader
            return self._reader

    @asynccontextmanager
    async def _asked(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                yield
        except (KafkaError, TimeoutError) as error:
            self._begin_anew()
            raise Unavailable(f"Kafka does not answer: {error!r}.") from error


async def started(client: Any, stop: Any) -> None:  # noqa: ANN401 - the library has no types
    """Start a client of the library, or stop it again and raise `Unavailable`."""
    try:
        await client.start()
    except KafkaError as error:
        await stop()
        raise Unavailable(f"Kafka cannot be reached: {error!r}.") from error
    except BaseException:
        await stop()
        raise
