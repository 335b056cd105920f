"""Gateways that share a Redis count together, remember callers together, and do without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from redis.asyncio import Redis

from imagemill.assembly.counting import shared
from imagemill.assembly.parts import Parts
from imagemill.breaker import BreakerSettings
from imagemill.cache import Cache
from imagemill.errors import InvalidRequest
from imagemill.rates import Rates, Window
from imagemill.settings import Settings
from imagemill.users.service import Users
from tests.gateway.front import asked, front
from tests.peers.redis import RedisServer, redis_server

pytestmark = pytest.mark.server

MINUTE = Window(10, 60)
SOON = BreakerSettings(failures=2, rest_s=0.05, longest_rest_s=0.1)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@pytest.fixture
async def parts(redis: RedisServer, tmp_path: Path) -> AsyncIterator[Parts]:
    """Give what the processes of an installation with a Redis share."""
    settings = Settings.load({"IMAGEMILL_REDIS_URL": redis.url}, data=tmp_path)
    async with AsyncExitStack() as opened:
        yield Parts(settings.model_copy(update={"breaker": SOON}), opened)


def adapters(parts: Parts) -> tuple[Rates, Cache]:
    """Make what one more gateway uses."""
    return shared(parts, parts.settings.gateway)


async def test_they_count_together(parts: Parts, users: Users) -> None:
    one, two = (front(users, rates=adapters(parts)[0], key_per_minute=5) for _ in range(2))

    answers = [await asked(each) for _ in range(4) for each in (one, two)]

    assert [each.status_code for each in answers] == [200] * 5 + [429] * 3
    assert answers[5].headers["retry-after"]


async def test_they_remember_and_forget_callers_together(parts: Parts) -> None:
    (_, one), (_, two) = adapters(parts), adapters(parts)

    await one.put("caller", b"known", seconds=60)
    seen = await two.get("caller")
    await two.drop("caller")

    assert (seen, await one.get("caller")) == (b"known", None)


async def test_what_somebody_else_wrote_into_redis_is_not_believed(
    parts: Parts, redis: RedisServer
) -> None:
    _, cache = adapters(parts)
    await cache.put("mine", b"user", seconds=60)
    async with Redis.from_url(redis.url) as other:
        sealed = await other.get("imagemill:cache:mine") or b""
        await other.set("imagemill:cache:admin", sealed)
        await other.set("imagemill:cache:made", b"x" * 32 + b"admin")
        await other.set("imagemill:cache:short", b"x")

        found = [await cache.get(each) for each in ("mine", "admin", "made", "short")]

    assert found == [b"user", None, None, None]


async def test_without_redis_each_counts_alone_and_says_so(
    parts: Parts, redis: RedisServer
) -> None:
    rates, cache = adapters(parts)
    await cache.put("caller", b"known", seconds=60)
    redis.stop()

    told = [await rates.hit("a", MINUTE) for _ in range(12)]
    await cache.put("caller", b"other", seconds=60)
    await cache.drop("caller")

    assert [each.is_over for each in told] == [False] * 10 + [True] * 2
    assert await cache.get("caller") is None
    assert parts.breakers()["redis"]["state"] != "closed"


async def test_they_count_together_again_when_redis_is_back(
    parts: Parts, redis: RedisServer
) -> None:
    rates, _ = adapters(parts)
    redis.stop()
    for _ in range(3):
        await rates.hit("a", MINUTE)

    with redis_server(redis.port):
        for _ in range(200):
            await rates.hit("b", MINUTE)
            if parts.breakers()["redis"]["state"] == "closed":
                break
            await asyncio.sleep(0.02)  # sleeps: between two looks
        async with Redis.from_url(redis.url) as kept:
            assert await kept.keys("imagemill:rates:*")


async def test_an_address_that_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    settings = Settings.load({"IMAGEMILL_REDIS_URL": "localhost:6379"}, data=tmp_path)
    async with AsyncExitStack() as opened:
        with pytest.raises(InvalidRequest, match="IMAGEMILL_REDIS_URL"):
            adapters(Parts(settings, opened))


async def test_the_password_of_redis_is_not_printed() -> None:
    settings = Settings.load({"IMAGEMILL_REDIS_URL": "redis://:sesame@redis:6379/0"})

    assert "sesame" not in f"{settings!r} {settings} {settings.model_dump_json()}"
