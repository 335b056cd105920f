"""A request with an `Idempotency-Key` on its way through a service that keeps answers in rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request

from imagemill.contracts.identity import Identity
from imagemill.database import Connection, Database
from imagemill.idempotency import KEPT_S, Remembered, Running, check, fingerprint, key_of, records

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Entry:
    """One request on its way; a request without a key is never known and keeps nothing."""

    database: Database
    owner: str
    key: str | None

    async def known(self, meaning: str) -> Remembered | None:
        """Find the answer that was given before; raises `IdempotencyKeyReused`."""
        if self.key is None:
            return None
        found = await self.database.read(self._find)
        if found is not None:
            check(found, meaning)
        return found

    def keeping(
        self, meaning: str, status: int, told: Callable[[M], tuple[str, str, str]]
    ) -> Callable[[Connection, M], None]:
        """Write the answer down in the transaction that makes what it tells of.

        `told` gives, of what was made, its id, where it is, and the answer as JSON.
        """

        def keep(connection: Connection, made: M) -> None:
            if self.key is not None:
                self.remember(connection, meaning, status, *told(made))

        return keep

    def remember(
        self,
        connection: Connection,
        meaning: str,
        status: int,
        id_: str,
        location: str,
        body: str,
    ) -> None:
        """Keep an answer, in the transaction of what it tells of; nothing without a key."""
        if self.key is not None:
            answer = Remembered(meaning, status, location, body, id_, connection.now())
            records.keep(connection, self.owner, self.key, answer)

    def _find(self, connection: Connection) -> Remembered | None:
        assert self.key is not None
        return records.find(connection, self.owner, self.key, connection.now() - KEPT_S)


@contextmanager
def entered(
    request: Request, caller: Identity, database: Database, running: Running
) -> Iterator[Entry]:
    """Hold a request's key while it is answered.

    Raises `RequestInProgress` while the first request with this key is, `InvalidRequest` for a key
    that is none.
    """
    key = key_of(request)
    entry = Entry(database, caller.account, key)
    if key is None:
        yield entry
        return
    with running.entered(caller.account, key):
        yield entry


def meaning_of(request: Request, *parts: Any) -> str:  # noqa: ANN401 - any JSON values
    """Digest what a request asks for: its route and what it carries, however that is written."""
    return fingerprint(request.url.path, *parts)
