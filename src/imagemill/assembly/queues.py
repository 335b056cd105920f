"""Which broker carries work from the jobs service to the workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagemill.assembly.databases import open_file, open_schema
from imagemill.database import Database
from imagemill.errors import InvalidRequest
from imagemill.queue import Queue
from imagemill.queue.postgres import PostgresQueue
from imagemill.queue.sql import SQLQueue

if TYPE_CHECKING:
    from imagemill.assembly.parts import Parts

_POSTGRES = ("postgresql://", "postgres://")


async def open_queue(parts: Parts) -> Queue:
    """Open the queue and start it; it is closed with the parts."""
    database = open_queue_database(parts)
    if database is None:
        raise InvalidRequest("IMAGEMILL_QUEUE_URL names a broker that is not known.")
    kind = PostgresQueue if _url_of(parts) else SQLQueue
    queue = kind(database, parts.settings.queue.lease_s)
    await queue.start()
    parts.opened.push_async_callback(queue.close)
    return queue


def open_queue_database(parts: Parts, *, migrates: bool = False) -> Database | None:
    """Open what the `sql` queue keeps its messages in; None where a broker has them.

    It lies where the databases do unless it has an address of its own.
    """
    url = _url_of(parts)
    if not url:
        return open_file(parts, "queue")
    if not url.startswith(_POSTGRES):
        return None
    return open_schema(parts, "queue", url, migrates=migrates, alone=False)


def _url_of(parts: Parts) -> str:
    settings = parts.settings
    return settings.queue.url.get_secret_value() or settings.database.url.get_secret_value()
