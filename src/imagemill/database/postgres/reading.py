"""Connections that read, beside each other and beside the one that writes."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

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
_TRIES: Final = 3


class Readers:
    """Threads that each have a connection: as many as there are units at once, up to a limit.

    A thread that finds its connection lost opens another at once. psycopg's own pool lets who reads
    wait for its whole timeout while the server refuses (measured 2026-11: 5 s instead of 2 ms).
    """

    def __init__(self, place: Place, clock: Clock | None) -> None:
        """Open nothing yet."""
        self._place = place
        self._clock = clock
        self._threads = ThreadPoolExecutor(place.connections, f"{place.schema}-reader")
        self._mine = threading.local()
        self._opened: set[Raw] = set()
        self._lock = threading.Lock()

    async def read(self, unit: Unit[T]) -> T:
        """Run a unit in a transaction that only reads, and sees one moment."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, unit)

    def close(self) -> None:
        """Work off what waits, then close the connections."""
        self._threads.shutdown()
        for raw in self._opened:
            raw.close()

    def _read(self, unit: Unit[T]) -> T:
        """Run a unit; once more where the connection that was kept is of no use any more."""
        for _ in range(_TRIES - 1):
            try:
                return self._read_once(unit)
            except _RepeatError:
                continue
        try:
            return self._read_once(unit)
        except _RepeatError as repeat:
            raise translated(repeat.error) from repeat.error

    def _read_once(self, unit: Unit[T]) -> T:
        raw = None
        try:
            raw = self._connection()
            return self._read_on(raw, unit)
        except psycopg.Error as error:
            raise translated(error) from error
        finally:
            if raw is not None and raw.info.transaction_status != TransactionStatus.IDLE:
                _roll_back(raw)

    def _connection(self) -> Raw:
        """Give this thread's connection."""
        raw: Raw | None = getattr(self._mine, "raw", None)
        if raw is not None and not raw.closed:
            return raw
        opened = self._place.connect()
        with self._lock:
            self._opened = {each for each in self._opened if not each.closed} | {opened}
        self._mine.raw = opened
        return opened

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


def _roll_back(raw: Raw) -> None:
    """End a transaction that failed."""
    try:
        raw.execute(b"ROLLBACK")
    except psycopg.Error:
        raw.close()


class _RepeatError(Exception):
    """Say that a unit may run again from the start."""

    def __init__(self, error: psycopg.Error) -> None:
        super().__init__(str(error))
        self.error = error
