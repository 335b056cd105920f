"""The one connection that writes: batches of units, one transaction and one commit for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import psycopg
import structlog
from psycopg import sql

from imagemill.database.postgres.connection import (
    Clock,
    PostgresConnection,
    is_stale,
    is_to_be_repeated,
    ticking,
    translated,
)
from imagemill.database.postgres.place import Place, Raw
from imagemill.database.sharing import Waiting
from imagemill.errors import Unavailable

_TRIES: Final = 3
_MOST_TOLD: Final = 64
"""Topics of one commit; more are told as one, which stands for all."""
_STATE: Final = (
    "SELECT pg_xact_status(%s::text::xid8) AS state, pg_postmaster_start_time()::text AS since"
)
_SINCE: Final = "SELECT pg_postmaster_start_time()::text AS since"
_log = structlog.get_logger(__name__)


class _CommitLostError(Exception):
    """Say that the connection was lost while a transaction was being committed."""

    def __init__(self, number: str) -> None:
        super().__init__(number)
        self.number = number
        """Of the transaction."""


class Writer:
    """Runs batches of units; used by one thread."""

    def __init__(self, place: Place, clock: Clock | None, *, synced: bool, alone: bool) -> None:
        """Name the place; the connection is opened when it is first needed.

        `alone` lets one transaction at a time write into the schema, over all processes.
        """
        self._place = place
        self._clock = clock
        self._synced = synced
        self._alone = alone
        self._raw: Raw | None = None
        self._since = ""
        """When the server that this speaks to was started."""
        self._told: dict[str, None] = {}
        self.pid = 0
        """Process of the server that this speaks to, by which others know who told something."""

    def work(self, batch: Sequence[Waiting]) -> None:
        """Run a batch, and again where that can help."""
        error: psycopg.Error | None = None
        for _ in range(_TRIES):
            for each in batch:
                each.result = each.error = None
            try:
                self._commit(batch)
            except _CommitLostError as lost:
                if self._became(lost.number, batch):
                    return
            except psycopg.Error as failed:
                error = failed
                if not self._may_repeat(failed):
                    break
            else:
                return
        for each in batch:
            each.error = each.error or (translated(error) if error else _unknown())

    def afterwards(self) -> None:
        """Tell other processes what was committed.

        Not in the transaction itself: whoever notifies holds a lock of the whole server until the
        commit is on disk, so that all services would wait for each other's disk.
        """
        topics, self._told = list(self._told), {}
        if not topics or self._raw is None:
            return
        topics = topics if len(topics) <= _MOST_TOLD else [""]
        channel = sql.Literal(self._place.channel)
        calls = [sql.SQL("pg_notify({}, {})").format(channel, sql.Literal(x)) for x in topics]
        try:
            self._raw.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls)))
        except psycopg.Error as error:
            _log.warning("notice_lost", schema=self._place.schema, reason=type(error).__name__)

    def close(self) -> None:
        """Close the connection."""
        if self._raw is not None:
            self._raw.close()
            self._raw = None

    def _connected(self) -> Raw:
        if self._raw is not None and self._raw.closed:
            self._raw = None
        if self._raw is None:
            self._raw = self._place.connect()
            self.pid = self._raw.info.backend_pid
            self._since = last_row(self._raw, _SINCE)["since"]
        return self._raw

    def _may_repeat(self, error: psycopg.Error) -> bool:
        """Tell whether to run a batch again; end what is left of the transaction."""
        raw = self._raw
        if raw is None:  # It could not even be opened.
            return False
        may = is_to_be_repeated(raw, error)
        if is_stale(error) or not _rolled_back(raw):
            self.close()
        return may

    def _commit(self, batch: Sequence[Waiting]) -> None:
        raw = self._connected()
        durable = self._synced and any(waiting.durable for waiting in batch)
        begun_at, number = self._begin(raw, durable=durable)
        clock = self._clock or ticking(begun_at)
        told: dict[str, None] = {}
        ending = ""
        for waiting in batch:
            ending = _run_one(raw, waiting, clock, told, ending, is_alone=len(batch) == 1)
        if len(batch) == 1 and ending:
            raw.execute(b"ROLLBACK")
            return
        try:
            raw.execute(f"{ending}COMMIT".encode())
        except psycopg.OperationalError as error:
            if raw.closed:
                raise _CommitLostError(number) from error
            raise
        self._told |= told

    def _begin(self, raw: Raw, *, durable: bool) -> tuple[float, str]:
        """Begin a transaction; tell the server's time and the transaction's number.

        READ COMMITTED: every statement after the lock sees all that was committed before it.
        """
        parts = ["BEGIN ISOLATION LEVEL READ COMMITTED"]
        if not durable:
            parts.append("SET LOCAL synchronous_commit = off")
        if self._alone:
            parts.append(f"SELECT pg_advisory_xact_lock({self._place.lock})")
        parts.append(
            "SELECT extract(epoch FROM clock_timestamp())::float8 AS now, "
            "pg_current_xact_id()::text AS number"
        )
        row = last_row(raw, "; ".join(parts))
        return row["now"], row["number"]

    def _became(self, number: str, batch: Sequence[Waiting]) -> bool:
        """Learn what became of a transaction whose commit was not answered.

        True when that is settled; False when it was undone, so that it may run again. A server that
        was started anew may give the number of a transaction that it lost to another one. Where its
        processes crashed and it stayed itself, that is not noticed.
        """
        before = self._since
        try:
            found = self._connected().execute(_STATE, (number,)).fetchone()
            state = found["state"] if found and found["since"] == before else None
        except psycopg.Error:
            state = None
        if state == "aborted":
            return False
        if state != "committed":
            _log.error("commit_unknown", schema=self._place.schema)
            for each in batch:
                each.error = _unknown()
        return True


def last_row(raw: Raw, statements: str) -> dict[str, Any]:
    """Run several statements in one round trip, and give the row of the last one."""
    cursor = raw.execute(statements.encode())
    while cursor.nextset():
        pass
    row = cursor.fetchone()
    assert row is not None
    return row


def _run_one(
    raw: Raw,
    waiting: Waiting,
    clock: Clock,
    told: dict[str, None],
    ending: str,
    *,
    is_alone: bool,
) -> str:
    """Run one unit, and give what ends it: its failure must not harm those it commits with.

    The end of one unit and the beginning of the next go in one round trip. Raises `psycopg.Error`
    when the whole transaction is to be run again.
    """
    if not is_alone:
        raw.execute(f"{ending}SAVEPOINT unit".encode())
    connection = PostgresConnection(raw, clock)
    try:
        waiting.result = waiting.unit(connection)
    except psycopg.Error as error:
        if is_to_be_repeated(raw, error):
            raise
        waiting.error = translated(error)
    except BaseException as error:  # noqa: BLE001 - it is raised again where the unit was asked for
        waiting.error = error
    if waiting.error is not None:
        return "ROLLBACK TO unit; RELEASE unit; "
    told.update(dict.fromkeys(connection.told))
    return "" if is_alone else "RELEASE unit; "


def _rolled_back(raw: Raw) -> bool:
    """End a transaction; False when the connection is of no use any more."""
    try:
        if not raw.closed:
            raw.execute(b"ROLLBACK")
    except psycopg.Error:
        return False
    return not raw.closed


def _unknown() -> Unavailable:
    return Unavailable(
        "The database went away while it wrote: what was asked for may have been done. Look before "
        "asking again, or ask again with the same Idempotency-Key.",
        retry_after_s=1,
    )
