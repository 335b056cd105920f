"""Rates that several gateways count together, in Redis, by the scripts of the library `limits`.

Known limits: a name's first request starts its fixed windows, so they are not those of the clock.
Counting and reading are two calls; between them another gateway may count. Counts are lost when
Redis is emptied. Tested on Redis 7.0.
"""

from __future__ import annotations

from typing import Final

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import BlockingConnectionPool
from redis.exceptions import RedisError

from imagemill.errors import Unavailable
from imagemill.rates import Held, Standing, Window, standing

_PREFIX: Final = "imagemill:rates"


class RedisRates:
    """`Rates` that are shared."""

    def __init__(self, pool: BlockingConnectionPool) -> None:
        """Use the connections of `pool`, which whoever made it closes."""
        self._storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=_PREFIX,
            connection_pool=pool,  # type: ignore[arg-type]  # only plain options are declared
        )
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)

    async def hit(self, name: str, window: Window) -> Standing:
        """Count one more, unless there would be too many."""
        item = RateLimitItemPerSecond(window.most, window.seconds)
        try:
            is_counted = await self._limiter.hit(item, name)
            held = await self._held(item, name)
        except (RedisError, OSError) as error:
            raise Unavailable("What counts requests does not answer.") from error
        return standing(window, held, is_over=not is_counted)

    async def _held(self, item: RateLimitItem, name: str) -> Held:
        found = await self._storage.get_sliding_window(item.key_for(name), item.get_expiry())
        previous, previous_s, current, expires_s = found
        # The library keeps this window's count for one window longer than it lasts.
        return Held(previous, previous_s, current, max(0.0, expires_s - item.get_expiry()))
