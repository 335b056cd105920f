"""A Celery job that does nothing, its results kept in Redis."""

from __future__ import annotations

import os
from collections.abc import Callable

import celery  # type: ignore[import-not-found]  # lives in the peer's own environment
import redis  # type: ignore[import-not-found]  # lives in the peer's own environment

_BROKER, _RESULTS = (f"{os.environ['BENCH_REDIS']}/{number}" for number in (0, 1))

tasks = celery.Celery("noop_celery", broker=_BROKER, backend=_RESULTS)


@tasks.task(name="noop")  # type: ignore[untyped-decorator]  # celery is not typed
def noop(number: int) -> int:
    """Give the number back."""
    return number


def submit(count: int) -> None:
    """Submit jobs one after the other; `celery.group` does the same, so there is no bulk."""
    for number in range(count):
        noop.delay(number)


def client(serve: Callable[..., None]) -> None:
    """Serve orders."""
    serve(submit, None, redis.Redis.from_url(_RESULTS).dbsize)
