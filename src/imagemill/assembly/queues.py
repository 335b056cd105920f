"""Which broker carries work from the jobs service to the workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagemill.assembly.databases import open_file
from imagemill.errors import InvalidRequest
from imagemill.queue import Queue
from imagemill.queue.sql import SQLQueue

if TYPE_CHECKING:
    from imagemill.assembly.parts import Parts


async def open_queue(parts: Parts) -> Queue:
    """Open the queue and start it; it is closed with the parts."""
    settings = parts.settings.queue
    if settings.url.get_secret_value():
        raise InvalidRequest("IMAGEMILL_QUEUE_URL names a broker that is not known.")
    queue = SQLQueue(open_file(parts, "queue"), settings.lease_s)
    await queue.start()
    parts.opened.push_async_callback(queue.close)
    return queue
