"""A transaction as units see it, and what the driver's errors mean to them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import psycopg
from psycopg import errors

from imagemill.database import Row
from imagemill.database.postgres.place import Raw
from imagemill.database.postgres.translation import bound
from imagemill.errors import ImagemillError, Internal, Unavailable

Clock = Callable[[], float]
_LONGEST_TOPIC: Final = 200


class PostgresConnection:
    """A `Connection` over psycopg."""

    engine: Final = "postgresql"

    def __init__(self, raw: Raw, clock: Clock) -> None:
        """Make one of a transaction that has begun."""
        self._raw = raw
        self.now = clock
        self.told: list[str] = []
        """Topics that other processes are to hear of once this is committed."""

    def execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Run one statement and answer its rows."""
        text, values = bound(statement, parameters or {})
        cursor = self._raw.execute(text.encode(), values)
        return list(cursor.fetchall()) if cursor.description else []

    def execute_many(self, statement: str, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Run one statement for each set of parameters, in few round trips."""
        rows = [bound(statement, each) for each in parameters]
        with self._raw.cursor() as cursor:
            for text, same in itertools.groupby(rows, lambda each: each[0]):
                cursor.executemany(text.encode(), [values for _, values in same])

    def tell(self, topic: str) -> None:
        """Keep a topic until the commit."""
        self.told.append(topic[:_LONGEST_TOPIC])


def ticking(begun_at: float) -> Clock:
    """Make a clock of the server's time at the beginning of a transaction.

    What has passed since is measured here, so looking at it costs no round trip. It is late by the
    way of the answer and never early, so times of later transactions are later.
    """
    heard_at = time.monotonic()
    return lambda: round(begun_at + time.monotonic() - heard_at, 6)


def is_to_be_repeated(raw: Raw, error: psycopg.Error) -> bool:
    """Tell whether a transaction that has failed may well succeed when it is run again.

    The connection is lost, or two transactions stood in each other's way, or a migration changed
    what a kept plan answers, or the server became one that only reads.
    """
    if raw.closed or is_stale(error):
        return True
    return isinstance(error, errors.SerializationFailure | errors.DeadlockDetected)


def is_stale(error: psycopg.Error) -> bool:
    """Tell whether a new connection would not have met this error."""
    if isinstance(error, errors.FeatureNotSupported):
        return "cached plan" in str(error)
    return isinstance(error, errors.ReadOnlySqlTransaction)


def translated(error: psycopg.Error) -> ImagemillError:
    """Give the error that stands for one of the driver's; it tells nothing of the server."""
    is_passing = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    if is_passing or is_stale(error):
        failed: ImagemillError = Unavailable(
            "The database cannot be used now; try again.", retry_after_s=1
        )
    else:
        failed = Internal("The database refused a statement; this is our fault.")
    failed.__cause__ = error
    return failed
