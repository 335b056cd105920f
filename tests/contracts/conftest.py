"""Every adapter of every port, ready for the suite that the port's adapters must pass.

An adapter that is not listed here has no promise to keep.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from redis.asyncio import BlockingConnectionPool, Redis

from imagemill.breaker import Breaker, BreakerSettings
from imagemill.cache import Cache
from imagemill.cache.memory import MemoryCache
from imagemill.cache.redis import RedisCache
from imagemill.database import Database
from imagemill.rates import Rates
from imagemill.rates.meanwhile import MeanwhileRates
from imagemill.rates.memory import MemoryRates
from imagemill.rates.redis import RedisRates
from imagemill.storage import Storage
from tests.contracts import databases, queues, storages
from tests.peers.certificates import Certificates
from tests.peers.kafka_mock import KafkaMock, kafka_mock
from tests.peers.nats import NATSServer, nats_server
from tests.peers.proof import Proof, proves, server_mark
from tests.peers.rabbitmq import RabbitMQServer, rabbitmq_server
from tests.peers.redis import RedisServer, redis_server
from tests.peers.tansu import TansuServer, tansu_server


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_020.0
        """A whole number of minutes, so that windows of the clock begin here."""

    async def passes(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, slots=True)
class Kept:
    """The adapters over one place."""

    cache: Cache
    rates: Rates
    passes: Callable[[float], Awaitable[None]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=databases.DATABASES)
async def database(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    async with databases.opened(request, tmp_path) as opened:
        yield opened


@pytest.fixture(params=storages.that_keep())
def chosen(request: pytest.FixtureRequest) -> storages.Chosen:
    return storages.choose(request.param, request)


@pytest.fixture
async def place(chosen: storages.Chosen, tmp_path: Path) -> AsyncIterator[storages.Place]:
    async with storages.opened(chosen, tmp_path) as opened:
        yield opened


@pytest.fixture
def storage(place: storages.Place) -> Storage:
    return place.storage


@pytest.fixture(params=queues.params())
def queue_adapter(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Give an adapter's name and address; not async, for a server starts meanwhile."""
    return queues.chosen(request, tmp_path)


@pytest.fixture
async def broker(
    queue_adapter: tuple[str, str], request: pytest.FixtureRequest
) -> AsyncIterator[queues.Broker]:
    name, address = queue_adapter
    async with AsyncExitStack() as stack:
        given = queues.Broker(name, address, queues.ADAPTERS[name], stack)
        queues.prepare(request, given)
        yield given


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NATSServer]:
    with nats_server(tmp_path_factory.mktemp("nats")) as running:
        yield running


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.made(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def rabbitmq(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RabbitMQServer]:
    """Run one that tells how it is by HTTP, and asks for certificates at a second port."""
    folder = tmp_path_factory.mktemp("rabbitmq")
    with rabbitmq_server(folder, certificates=certificates, is_managed=True) as running:
        yield running


@pytest.fixture(scope="session")
def tansu() -> Iterator[TansuServer]:
    with tansu_server() as running:
        yield running


@pytest.fixture(scope="session")
def mock() -> Iterator[KafkaMock]:
    with kafka_mock() as running:
        yield running


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


Passing = Callable[[float], Awaitable[None]]
"""Lets so many seconds pass."""
KEEPERS = ["memory", "meanwhile", pytest.param("redis", marks=server_mark("redis"))]


@pytest.fixture(params=KEEPERS)
async def kept(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Kept]:
    """Give the adapters that keep what they know in one place, and a way to let time pass there."""
    port = request.node.path.stem.removeprefix("test_")
    if request.param == "memory":
        proves(request, Proof(port, "memory", "none"))
        yield Kept(MemoryCache(clock), MemoryRates(clock), clock.passes)
        return
    if request.param == "meanwhile":
        proves(request, Proof(port, "meanwhile" if port == "rates" else "memory", "none"))
        breaker = Breaker("shared", BreakerSettings())
        rates = MeanwhileRates(MemoryRates(clock), MemoryRates(clock), breaker)
        yield Kept(MemoryCache(clock), rates, clock.passes)
        return
    url = request.getfixturevalue("redis").url
    pool = BlockingConnectionPool.from_url(url)
    redis: Redis = Redis(connection_pool=pool)
    await redis.flushall()
    version = (await redis.info("server"))["redis_version"]
    proves(request, Proof(port, "redis", f"Redis {version}"))
    breaker = Breaker("redis", BreakerSettings())
    cache = RedisCache(pool, breaker, b"s" * 32)
    yield Kept(cache, RedisRates(pool), partial(expire, redis))
    await pool.aclose()


async def expire(redis: Redis, seconds: float) -> None:
    """Shorten what is left to every value by so many seconds, which Redis cannot tell from time."""
    for key in await redis.keys():
        left_ms = await redis.pttl(key) - int(seconds * 1000)
        await (redis.pexpire(key, left_ms) if left_ms > 0 else redis.delete(key))


@pytest.fixture
def cache(kept: Kept) -> Cache:
    return kept.cache


@pytest.fixture
def rates(kept: Kept) -> Rates:
    return kept.rates


@pytest.fixture
def passes(kept: Kept) -> Passing:
    return kept.passes
