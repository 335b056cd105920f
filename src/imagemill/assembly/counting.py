"""Where the gateway counts requests and remembers callers: here, or in Redis with others."""

from __future__ import annotations

import time
from typing import Final

from imagemill.assembly.parts import Parts
from imagemill.cache import Cache
from imagemill.cache.memory import MemoryCache
from imagemill.errors import InvalidRequest
from imagemill.gateway.settings import GatewaySettings
from imagemill.rates import Rates
from imagemill.rates.meanwhile import MeanwhileRates
from imagemill.rates.memory import MemoryRates

_CONNECTIONS: Final = 50
"""Connections to Redis at once; a request that finds none free waits for one."""
_WAIT_S: Final = 1.0
"""Longest wait for Redis, at each step; a call of it takes 0.1 ms."""


def shared(parts: Parts, settings: GatewaySettings) -> tuple[Rates, Cache]:
    """Give the counts and the memory; raises `InvalidRequest` where Redis cannot be spoken to."""
    url = settings.redis_url.get_secret_value()
    own = MemoryRates(time.monotonic)
    return _in_redis(parts, url, own) if url else (own, MemoryCache(time.monotonic))


def _in_redis(parts: Parts, url: str, own: Rates) -> tuple[Rates, Cache]:
    try:
        from redis.asyncio import BlockingConnectionPool  # noqa: PLC0415 - an extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415 - an extra
        from redis.backoff import NoBackoff  # noqa: PLC0415 - an extra

        from imagemill.cache.redis import RedisCache  # noqa: PLC0415 - an extra
        from imagemill.rates.redis import RedisRates  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InvalidRequest(
            "IMAGEMILL_REDIS_URL is set, but the extra for it is not installed: "
            "pip install 'imagemill[redis]'."
        ) from error
    try:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=_WAIT_S,
            socket_timeout=_WAIT_S,
            socket_connect_timeout=_WAIT_S,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:
        raise InvalidRequest(
            "IMAGEMILL_REDIS_URL is no address of a Redis; write redis://host:6379/0."
        ) from error
    parts.opened.push_async_callback(pool.aclose)
    breaker = parts.breaker("redis")
    cache = RedisCache(pool, breaker, parts.secret("redis-cache"))
    return MeanwhileRates(RedisRates(pool), own, breaker), cache
