"""How often somebody may guess: counted by account and by address, over a window that slides.

What is counted is kept in memory: after a restart it begins anew.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import time
from dataclasses import dataclass, field
from typing import Final

from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from imagemill.errors import TooManyAttempts
from imagemill.users.settings import UsersSettings

_LETTERS: Final = RateLimitItemPerSecond(5, 3600)
"""Letters an hour to one address that its owner may not have asked for."""
_NOTED: Final = RateLimitItemPerSecond(30, 60)
"""Entries a minute about what strangers can do at will."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """Count attempts, and turn away who made too many."""

    settings: UsersSettings
    _limiter: SlidingWindowCounterRateLimiter = field(
        default_factory=lambda: SlidingWindowCounterRateLimiter(MemoryStorage())
    )

    async def count_address(self, address: str) -> None:
        """Count an attempt from an address; raises `TooManyAttempts`."""
        await self._count(self.settings.attempts_per_address, "address", place(address))

    async def count_account(self, name: str, address: str, *, is_familiar: bool) -> None:
        """Count an attempt for an account, whether it is there or not; raises `TooManyAttempts`.

        From an address where its owner logged in before, only the attempts from there count: so
        nobody elsewhere can keep the owner out.
        """
        told = ("account", _hidden(name), place(address) if is_familiar else "")
        await self._count(self.settings.attempts_per_account, *told)

    async def forget_account(self, name: str, address: str) -> None:
        """Let an account's attempts from an address count no more, for one was right."""
        told = ("account", _hidden(name), place(address))
        if self.settings.attempts_per_account:
            await self._limiter.clear(self._item(self.settings.attempts_per_account), *told)

    async def may_write_to(self, name: str) -> bool:
        """Tell whether one more letter may go to an address, and count it."""
        return await self._limiter.hit(_LETTERS, "letters", _hidden(name))

    async def is_worth_noting(self, what: str) -> bool:
        """Tell whether something that strangers can do at will is written down once more."""
        return await self._limiter.hit(_NOTED, "noted", what)

    async def _count(self, most: int, *who: str) -> None:
        if not most or await self._limiter.hit(self._item(most), *who):
            return
        stats = await self._limiter.get_window_stats(self._item(most), *who)
        wait_s = max(1, math.ceil(stats.reset_time - time.time()))
        raise TooManyAttempts(
            f"There were more than {most} attempts in {self.settings.attempts_s} seconds; wait "
            "before the next one.",
            limit={"limit_attempts": most, "limit_s": self.settings.attempts_s},
            retry_after_s=wait_s,
        )

    def _item(self, most: int) -> RateLimitItemPerSecond:
        return RateLimitItemPerSecond(most, self.settings.attempts_s)


def place(address: str) -> str:
    """Give what one caller is taken to have: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


def _hidden(name: str) -> str:
    """Bound what is remembered of names that strangers write."""
    return hashlib.sha256(name.encode(errors="replace")).hexdigest()
