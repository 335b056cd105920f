"""Which broker carries work from the jobs service to the workers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from imagemill.assembly.databases import open_file, open_schema
from imagemill.database import Database
from imagemill.errors import InvalidRequest
from imagemill.queue import Queue
from imagemill.queue.postgres import PostgresQueue
from imagemill.queue.sql import SQLQueue

if TYPE_CHECKING:
    from imagemill.assembly.parts import Parts
    from imagemill.settings import Settings

_KAFKA_SESSION_S: Final = (6.0, 1800.0)
"""What brokers take unless told otherwise: `group.min.session.timeout.ms`, and `max`."""
_POSTGRES = ("postgresql://", "postgres://")


async def open_queue(parts: Parts) -> Queue:
    """Open the queue and start it; it is closed with the parts.

    Raises `InvalidRequest` for an address that no adapter knows, or whose extra is missing.
    """
    scheme = _url_of(parts).partition("://")[0]
    if scheme not in _OPENERS:
        known = ", ".join(f"{each}://" for each in _OPENERS if each)
        raise InvalidRequest(f"IMAGEMILL_QUEUE_URL names no known broker; it begins with {known}.")
    try:
        return await _OPENERS[scheme](parts)
    except ImportError as error:
        raise InvalidRequest(
            f"IMAGEMILL_QUEUE_URL is set, but the extra for it is not installed: {error.name} is "
            f"missing; pip install 'imagemill[{_EXTRAS[scheme]}]'."
        ) from error


async def _open_sql(parts: Parts) -> Queue:
    database = open_queue_database(parts)
    assert database is not None
    kind = PostgresQueue if _url_of(parts) else SQLQueue
    queue = kind(database, parts.settings.queue.lease_s)
    await queue.start()
    parts.opened.push_async_callback(queue.close)
    return queue


async def _open_nats(parts: Parts) -> Queue:
    from imagemill.queue.nats import NATSQueue  # noqa: PLC0415 - an extra
    from imagemill.queue.nats_connection import Login  # noqa: PLC0415 - an extra

    settings = parts.settings.queue
    servers = tuple(each.strip() for each in settings.url.get_secret_value().split(","))
    login = Login(servers, settings.nats, settings.tls)
    queue = NATSQueue(login, _new_id, time.time, settings.lease_s)
    parts.opened.push_async_callback(queue.close)
    await queue.start()
    return queue


async def _open_rabbitmq(parts: Parts) -> Queue:
    from imagemill.queue.rabbitmq import RabbitMQQueue  # noqa: PLC0415 - an extra
    from imagemill.queue.rabbitmq_connection import Login  # noqa: PLC0415 - an extra

    settings = parts.settings.queue
    servers = tuple(each.strip() for each in settings.url.get_secret_value().split(","))
    # The broker takes a consumer for dead after about two heartbeats.
    heartbeat_s = min(max(int(settings.lease_s / 2), 2), 60)
    login = Login(servers, settings.rabbitmq, settings.tls, heartbeat_s)
    queue = RabbitMQQueue(login, time.time)
    parts.opened.push_async_callback(queue.close)
    await queue.start()
    return queue


async def _open_kafka(parts: Parts) -> Queue:
    from imagemill.queue.kafka import KafkaQueue  # noqa: PLC0415 - an extra
    from imagemill.queue.kafka_cluster import Login  # noqa: PLC0415 - an extra

    settings = parts.settings.queue
    shortest_s, longest_s = _KAFKA_SESSION_S
    if not shortest_s <= settings.lease_s <= longest_s:
        raise InvalidRequest(
            f"IMAGEMILL_QUEUE_LEASE_S is {settings.lease_s:g}; on Kafka it is the time of a "
            f"session, which brokers take from {shortest_s:g} to {longest_s:g} seconds."
        )
    login = Login(settings.url.get_secret_value(), settings.kafka, settings.tls)
    login.options()
    queue = KafkaQueue(login, time.time, settings.lease_s)
    parts.opened.push_async_callback(queue.close)
    return queue


async def _open_sqs(parts: Parts) -> Queue:
    from imagemill.queue.sqs import SQSQueue  # noqa: PLC0415 - an extra, which takes 2 s
    from imagemill.queue.sqs_account import Login  # noqa: PLC0415 - an extra

    settings = parts.settings.queue
    login = Login(settings.url.get_secret_value(), settings.sqs, settings.tls)
    login.options()
    queue = SQSQueue(login, settings.lease_s)
    parts.opened.push_async_callback(queue.close)
    await queue.start()
    return queue


def _new_id() -> str:
    return uuid.uuid4().hex


_OPENERS: Final[Mapping[str, Callable[[Parts], Awaitable[Queue]]]] = {
    "": _open_sql,
    "postgresql": _open_sql,
    "postgres": _open_sql,
    "nats": _open_nats,
    "tls": _open_nats,
    "amqp": _open_rabbitmq,
    "amqps": _open_rabbitmq,
    "kafka": _open_kafka,
    "kafkas": _open_kafka,
    "sqs": _open_sqs,
}
_EXTRAS: Final[Mapping[str, str]] = {
    "postgresql": "postgres",
    "postgres": "postgres",
    "nats": "nats",
    "tls": "nats",
    "amqp": "rabbitmq",
    "amqps": "rabbitmq",
    "kafka": "kafka",
    "kafkas": "kafka",
    "sqs": "sqs",
}


def open_queue_database(parts: Parts, *, migrates: bool = False) -> Database | None:
    """Open what the `sql` queue keeps its messages in; None where a broker has them.

    It lies where the databases do unless it has an address of its own.
    """
    url = _url_of(parts)
    if not url:
        return open_file(parts, "queue")
    if not url.startswith(_POSTGRES):
        return None
    if migrates:
        url = parts.settings.database.who_migrates(url)
    return open_schema(parts, "queue", url, migrates=migrates, alone=False)


def is_in_postgres(settings: Settings) -> bool:
    """Tell whether the queue is a schema of a PostgreSQL."""
    url = settings.queue.url.get_secret_value() or settings.database.url.get_secret_value()
    return url.startswith(_POSTGRES)


def _url_of(parts: Parts) -> str:
    settings = parts.settings
    return settings.queue.url.get_secret_value() or settings.database.url.get_secret_value()
