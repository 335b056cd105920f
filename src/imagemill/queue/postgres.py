"""A queue in a table of PostgreSQL, shared by any number of processes.

Known limits: as of `sql`, and a process hears of other processes' messages at once, by NOTIFY;
should a notice be lost, it looks every half second. Several processes claim beside each other
without waiting (SKIP LOCKED). Ordered within a topic as long as one process publishes. When the
server dies, be it by a power cut, a crash or a kill, messages of its last 0.6 s may be lost, which
the jobs service publishes again. Tested with PostgreSQL 15.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, cast

from imagemill.queue.sql import SQLQueue

_CLAIM: Final = """
WITH free AS MATERIALIZED (
    SELECT id FROM messages WHERE topic = :topic AND visible_at <= :now ORDER BY id LIMIT :most
    FOR UPDATE SKIP LOCKED
)
UPDATE messages SET visible_at = :until FROM free WHERE messages.id = free.id
RETURNING messages.id, messages.body, messages.visible_at
"""
_ASK_EVERY_S: Final = 0.5


@dataclass(eq=False)
class PostgresQueue(SQLQueue):
    """A `Queue` in one table of a PostgreSQL."""

    claim: str = field(default=_CLAIM, init=False)
    ask_every_s: float = field(default=_ASK_EVERY_S, init=False)
    _listener: asyncio.Task[None] | None = field(default=None, init=False)

    async def start(self) -> None:
        """Begin to keep held messages invisible, and to hear of others' messages."""
        await super().start()
        self._listener = asyncio.create_task(self._hear(), name="queue-listener")

    async def close(self) -> None:
        """Stop both; leases run out."""
        if self._listener:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        await super().close()

    async def _hear(self) -> None:
        async with aclosing(cast("Any", self.database.heard())) as topics:
            async for topic in topics:
                for each in [topic] if topic else list(self._news):
                    self.wake(each)
