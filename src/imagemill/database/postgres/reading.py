"""Connections that read, beside each other and beside writers."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from imagemill.database import Unit
from imagemill.database.postgres.connection import (
    Clock,
    PostgresConnection,
    is_to_be_repeated,
    ticking,
    translated,
)
from imagemill.database.postgres.place import Place, Raw
from imagemill.database.postgres.writing import last_row

T = TypeVar("T")

_BEGIN: Final = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
    "SELECT extract(epoch FROM clock_timestamp())::float8 AS now"
)
_IDLE_S: Final = 300.0
"""Seconds after which a connection that nobody needs is closed."""


class Readers:
    """A bounded pool of connections, and as many threads."""

    def __init__(self, place: Place, clock: Clock | None) -> None:
        """Open nothing yet."""
        self._clock = clock
        self._size = place.connections
        self._threads = ThreadPoolExecutor(place.connections, f"{place.schema}-reader")
        self._pool = ConnectionPool[Raw](
            place.conninfo,
            kwargs={"row_factory": dict_row, **place.arguments},
            configure=place.configure,
            min_size=0,
            max_size=place.connections,
            max_idle=_IDLE_S,
            timeout=place.connect_timeout_s,
            # Given up soon, or it would rest longer and longer while the server is back already.
            reconnect_timeout=min(place.connect_timeout_s, 2.0),
            name=f"{place.schema}-readers",
            num_workers=1,
            open=False,
        )
        self._is_open = False

    async def read(self, unit: Unit[T]) -> T:
        """Run a unit in a transaction that only reads, and sees one moment."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, unit)

    def close(self) -> None:
        """Work off what waits, then close the connections."""
        self._threads.shutdown()
        self._pool.close()

    def _read(self, unit: Unit[T]) -> T:
        """Run a unit; after a restart of the server, all connections that are kept are dead."""
        self._pool.open()
        tries = self._size + 1
        while True:
            try:
                with self._pool.connection() as raw:
                    return self._read_on(raw, unit)
            except _RepeatError as repeat:
                tries -= 1
                if not tries:
                    raise translated(repeat.error) from repeat.error
            except psycopg.Error as error:
                raise translated(error) from error

    def _read_on(self, raw: Raw, unit: Unit[T]) -> T:
        try:
            begun_at = last_row(raw, _BEGIN)["now"]
            answer = unit(PostgresConnection(raw, self._clock or ticking(begun_at)))
            raw.execute(b"COMMIT")
        except psycopg.Error as error:
            if not is_to_be_repeated(raw, error):
                raise
            raw.close()
            raise _RepeatError(error) from error
        return answer


class _RepeatError(Exception):
    """Say that a unit may run again from the start."""

    def __init__(self, error: psycopg.Error) -> None:
        super().__init__(str(error))
        self.error = error
