"""A huey job that does nothing, its results kept in SQLite."""

from __future__ import annotations

import os
from collections.abc import Callable

import huey as package  # type: ignore[import-not-found]  # lives in the peer's own environment

# Without `fsync` SQLite's own default counts, which is to sync each commit.
_SETTINGS = {"fsync": False} if os.environ["BENCH_SYNCED"] == "no" else {}

huey = package.SqliteHuey("noop", filename=os.environ["BENCH_SQLITE"], **_SETTINGS)


@huey.task()  # type: ignore[untyped-decorator]  # huey is not seen here
def noop(number: int) -> int:
    """Give the number back."""
    return number


def submit(count: int) -> None:
    """Submit jobs one after the other; there is no bulk."""
    for number in range(count):
        noop(number)


def client(serve: Callable[..., None]) -> None:
    """Serve orders."""
    serve(submit, None, huey.storage.result_store_size)
