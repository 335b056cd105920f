"""A procrastinate job that does nothing, kept in PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Callable

import procrastinate  # type: ignore[import-not-found]  # lives in the peer's own environment
import psycopg  # type: ignore[import-not-found]  # the same

_DATABASE = os.environ["BENCH_POSTGRES"]
_DONE = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=_DATABASE))


@app.task(name="noop")  # type: ignore[untyped-decorator]  # procrastinate is not seen here
async def noop(number: int) -> int:
    """Give the number back; procrastinate keeps how the job ended, and no result."""
    return number


def submit(count: int) -> None:
    """Submit jobs one after the other, each in a transaction of its own."""
    for number in range(count):
        noop.defer(number=number)


def submit_in_bulk(count: int) -> None:
    """Submit jobs in one transaction."""
    noop.batch_defer(*[{"number": number} for number in range(count)])


def client(serve: Callable[..., None]) -> None:
    """Make the schema, then serve orders on blocking connections."""
    connector = procrastinate.SyncPsycopgConnector(conninfo=_DATABASE)
    with (
        app.replace_connector(connector) as opened,
        opened.open(),
        psycopg.connect(_DATABASE, autocommit=True) as counting,
    ):
        opened.schema_manager.apply_schema()
        serve(submit, submit_in_bulk, lambda: counting.execute(_DONE).fetchone()[0])
