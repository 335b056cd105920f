"""A dramatiq job that does nothing, its results kept in Redis."""

from __future__ import annotations

import os
from collections.abc import Callable

import dramatiq  # type: ignore[import-not-found]  # lives in the peer's own environment
import redis  # type: ignore[import-not-found]  # lives in the peer's own environment
from dramatiq.brokers.redis import RedisBroker  # type: ignore[import-not-found]  # the same
from dramatiq.results import Results  # type: ignore[import-not-found]  # the same
from dramatiq.results.backends import RedisBackend  # type: ignore[import-not-found]  # the same

_BROKER, _RESULTS = (f"{os.environ['BENCH_REDIS']}/{number}" for number in (0, 1))

broker = RedisBroker(url=_BROKER)
broker.add_middleware(Results(backend=RedisBackend(url=_RESULTS)))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)  # type: ignore[untyped-decorator]  # dramatiq is not seen here
def noop(number: int) -> int:
    """Give the number back."""
    return number


def submit(count: int) -> None:
    """Submit jobs one after the other; `dramatiq.group` does the same, so there is no bulk."""
    for number in range(count):
        noop.send(number)


def client(serve: Callable[..., None]) -> None:
    """Serve orders."""
    serve(submit, None, redis.Redis.from_url(_RESULTS).dbsize)
