"""PostgreSQL: a schema for each service, one writer at a time, commits shared, readers beside.

Known limits: whoever writes into a schema holds its lock until the commit, over all processes, as
in SQLite; so numbers of events grow in the order of the commits, which every reader of a log leans
on. Notices between processes go out just after the commit, and one is lost when the process ends
between the two. What was not asked to be durable is on disk up to 0.6 s later (three times
`wal_writer_delay`): a power cut takes it back, and so does the crash of any process of the server,
such as one that is killed for memory, for PostgreSQL then starts all of them anew. Text that holds
a NUL is kept with U+FFFD in its place. Needs PostgreSQL 13 or newer, and a connection of its own
for each of us: a pooler that shares connections between transactions (pgbouncer's `transaction`
mode) breaks LISTEN and the settings of the session. Tested with PostgreSQL 15 and psycopg 3.3,
restarted and killed meanwhile; no failover was tried.

Measured 2026-11-25, PostgreSQL on the same machine (2 cores, which other programs kept busy: load 9
to 12), synced: claim and finish of 600 jobs by the jobs ledger, jobs a second in all.

| at once | SQLite | PostgreSQL |
|---|---|---|
| 1 process, 8 callers, a job a call | 381 | 166 |
| 1 process, 4 callers, 8 jobs a call | 972 | 154 |
| 2 processes, 8 callers each, a job a call | 190 | 58 |
| 2 processes, 4 callers each, 8 jobs a call | 612 | 78 |

A job took 1.6 to 2.6 ms of the service's processor time, on SQLite 0.5 to 0.8. What it waits for is
round trips under the lock; a second process of one service adds none and takes turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, TypeVar

import psycopg
import structlog
from psycopg import errors, sql

from imagemill.database import Unit
from imagemill.database.migrations import ALL, Migration, Phase, applied_to, missing, seen
from imagemill.database.postgres.connection import Clock, PostgresConnection, ticking, translated
from imagemill.database.postgres.place import Place, Raw
from imagemill.database.postgres.reading import Readers
from imagemill.database.postgres.translation import statements_of
from imagemill.database.postgres.writing import Writer, last_row
from imagemill.database.sharing import Line
from imagemill.errors import Unavailable

__all__ = ["Place", "PostgresDatabase"]

T = TypeVar("T")

_NOW: Final = "SELECT extract(epoch FROM clock_timestamp())::float8 AS now"
_HAS_SCHEMA: Final = "SELECT 1 FROM pg_namespace WHERE nspname = :schema"
_HAS_VERSIONS: Final = "SELECT to_regclass('schema_migrations') IS NOT NULL AS found"
_RETRY_S: Final = 1.0
"""Pause after the connection that hears was lost, and before a migration is tried again."""
_log = structlog.get_logger(__name__)


class PostgresDatabase:
    """A `Database` in one schema."""

    def __init__(
        self,
        place: Place,
        *,
        clock: Clock | None = None,
        synced: bool = True,
        alone: bool = True,
        migrates: bool = True,
    ) -> None:
        """Connect when it is first needed.

        The clock is the server's, unless a test brings its own. Without `synced` no commit waits
        for the disk. Without `alone` several processes write at once, for rows that nobody reads
        in an order. Without `migrates`, `migrate` looks whether the schema is new enough, and
        leaves it as it is.
        """
        self._place = place
        self._migrates = migrates
        self._writing = Writer(place, clock, synced=synced, alone=alone)
        self._writer = Line(f"{place.schema}-writer", self._writing)
        self._readers = Readers(place, clock)

    async def run(self, unit: Unit[T], *, durable: bool = True) -> T:
        """Run a unit in a transaction that is on disk when this returns, if it is `durable`.

        When the connection is lost during the commit, the server is asked what became of it; where
        it does not answer either, this raises `Unavailable`, which says that the unit may have been
        done.
        """
        return await self._writer.run(unit, durable=durable)

    async def read(self, unit: Unit[T]) -> T:
        """Run a reading unit on one of several connections; it sees one moment."""
        return await self._readers.read(unit)

    async def migrate(self, migrations: Sequence[Migration], phase: Phase = ALL) -> None:
        """Apply what is missing, all or nothing; processes that do so wait for each other.

        Where somebody holds a table for long, this lets go of everything and tries again, for some
        minutes: units are done in between.
        """
        if not self._migrates:
            await asyncio.to_thread(self._look, migrations, phase)
            return
        until = asyncio.get_running_loop().time() + self._place.migration_s
        while True:
            try:
                await asyncio.to_thread(self._apply, migrations, phase)
            except errors.LockNotAvailable as error:
                if asyncio.get_running_loop().time() > until:
                    raise self._not_migrated(error) from error
                _log.info("migration_waits", schema=self._place.schema)
                await asyncio.sleep(_RETRY_S)
            else:
                return

    async def heard(self) -> AsyncIterator[str]:
        """Yield what other processes tell; connects again, for ever, when that was lost."""
        listen = sql.SQL("LISTEN {}").format(sql.Identifier(self._place.channel))
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._place.conninfo, **self._place.arguments
                ) as raw:
                    await raw.execute(listen)
                    yield ""
                    async for notice in raw.notifies():
                        if notice.pid != self._writing.pid:
                            yield notice.payload
            except psycopg.Error as error:
                _log.warning("hears_nothing", schema=self._place.schema, reason=str(error).strip())
            await asyncio.sleep(_RETRY_S)

    async def close(self) -> None:
        """Work off what waits, then close all connections."""
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        self._readers.close()
        self._writer.stop()

    def _apply(self, migrations: Sequence[Migration], phase: Phase) -> None:
        try:
            with self._place.connect(hurry=False) as raw, raw.transaction():
                # Held until the end of the transaction.
                raw.execute(f"SELECT pg_advisory_xact_lock({self._place.lock})".encode())
                connection = PostgresConnection(raw, ticking(last_row(raw, _NOW)["now"]))
                if not connection.execute(_HAS_SCHEMA, {"schema": self._place.schema}):
                    schema = sql.Identifier(self._place.schema)
                    raw.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
                applied_to(connection, migrations, phase, statements_of)
        except errors.LockNotAvailable:
            raise
        except psycopg.Error as error:
            raise self._not_migrated(error) from error

    def _look(self, migrations: Sequence[Migration], _: Phase) -> None:
        """Compare the schema with what this version needs before it starts."""
        try:
            with self._place.connect() as raw:
                done = _seen(raw)
        except psycopg.Error as error:
            raise translated(error) from error
        lacking = missing(migrations, done, Phase.EXPAND)
        if lacking:
            raise Unavailable(
                f"The database schema {self._place.schema} is at {max(done, default=0)}, and this "
                f"version needs {lacking[-1].number}: run `imagemill migrate` first, or, while an "
                "older version still runs, `imagemill migrate --phase expand`."
            )

    def _not_migrated(self, error: psycopg.Error) -> Unavailable:
        said = (error.diag.message_primary or str(error)).strip()
        schema = self._place.schema
        return Unavailable(f"The database schema {schema} could not be migrated: {said}.")


def _seen(raw: Raw) -> set[int]:
    connection = PostgresConnection(raw, lambda: 0.0)
    if not connection.execute(_HAS_VERSIONS)[0]["found"]:
        return set()
    return seen(connection)
