"""A cache that several processes share, in Redis.

Known limits: a value that Redis cannot keep or give now is not there. A `drop` that does not reach
Redis leaves the value until its time is over. What to forget when memory is full is for Redis to
know (`maxmemory-policy`). Values are sealed with a secret, for whoever can write to Redis must not
be able to say who somebody is; they are not hidden. Tested on Redis 7.0.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from imagemill.breaker import Breaker
from imagemill.errors import Unavailable

_PREFIX: Final = "imagemill:cache:"
_SEAL_BYTES: Final = 32


class RedisCache:
    """A `Cache` that is shared, and empty while Redis does not answer."""

    def __init__(self, pool: BlockingConnectionPool, breaker: Breaker, secret: bytes) -> None:
        """Use the connections of `pool`, which whoever made it closes."""
        self._redis = Redis(connection_pool=pool)
        self._breaker = breaker
        self._secret = secret

    async def get(self, key: str) -> bytes | None:
        """Give the value if it is there, and was put by this installation under this key."""
        kept = await self._asked("GET", _PREFIX + key)
        if not isinstance(kept, bytes):
            return None
        value = kept[_SEAL_BYTES:]
        return value if hmac.compare_digest(kept[:_SEAL_BYTES], self._seal(key, value)) else None

    async def put(self, key: str, value: bytes, *, seconds: float) -> None:
        """Keep the value, where that can be done."""
        sealed = self._seal(key, value) + value
        await self._asked("SET", _PREFIX + key, sealed, "PX", max(1, int(seconds * 1000)))

    async def drop(self, key: str) -> None:
        """Forget the value."""
        await self._asked("DEL", _PREFIX + key)

    async def _asked(self, *command: str | bytes | int) -> object:
        """Ask Redis; None where it does not answer."""
        try:
            with self._breaker.asking():
                return await self._told(command)
        except Unavailable:
            return None

    async def _told(self, command: tuple[str | bytes | int, ...]) -> object:
        try:
            answer: object = await self._redis.execute_command(*command)  # type: ignore[no-untyped-call]  # as redis-py has it
        except (RedisError, OSError) as error:
            raise Unavailable("The shared cache does not answer.") from error
        return answer

    def _seal(self, key: str, value: bytes) -> bytes:
        return hmac.digest(self._secret, key.encode() + b"\0" + value, hashlib.sha256)
