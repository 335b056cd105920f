"""A taskiq job that does nothing, its results kept in Redis."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import redis  # type: ignore[import-not-found]  # lives in the peer's own environment
import uvloop
from taskiq_redis import (  # type: ignore[import-not-found]  # the same
    RedisAsyncResultBackend,
    RedisStreamBroker,
)

_BROKER, _RESULTS = (f"{os.environ['BENCH_REDIS']}/{number}" for number in (0, 1))

# The stream acknowledges; the list, taskiq's other broker on Redis, loses what a worker had.
broker = RedisStreamBroker(_BROKER).with_result_backend(RedisAsyncResultBackend(_RESULTS))


@broker.task(task_name="noop")  # type: ignore[untyped-decorator]  # taskiq is not seen here
async def noop(number: int) -> int:
    """Give the number back."""
    return number


async def submit(count: int) -> None:
    """Submit jobs one after the other; there is no bulk."""
    for number in range(count):
        await noop.kiq(number)


def client(serve: Callable[..., None]) -> None:
    """Serve orders, on the event loop that taskiq's workers use too."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(broker.startup())
        done = redis.Redis.from_url(_RESULTS).dbsize
        serve(lambda count: runner.run(submit(count)), None, done)
