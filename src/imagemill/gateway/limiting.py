"""How often somebody may come: keys and people by what they were given, others by their address.

Who comes too often gets 429 and is not counted for it, so whoever waits as long as `Retry-After`
says gets in. A key that is right is let in however many wrong ones came from the same address: it
has 256 random bits, so refusing it would stop no guesser, only its owner.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

from imagemill.contracts.scopes import Role
from imagemill.contracts.transport import Send
from imagemill.contracts.users import Admitted
from imagemill.errors import RateLimited
from imagemill.gateway.addresses import group_of
from imagemill.gateway.settings import GatewaySettings
from imagemill.rates import Rates, Standing, Window

_MINUTE_S = 60
_BURST_S = 1
COUNTED: Final = ("key", "account", "address")
"""By what somebody may be counted."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How often somebody may come."""

    per_minute: int
    """Requests within any 60 seconds; 0 is as many as they like."""
    burst: int
    """Requests within any one second; 0 is as many as they like."""

    def windows(self) -> list[Window]:
        """List the windows that count, the short one first."""
        pairs = ((self.burst, _BURST_S), (self.per_minute, _MINUTE_S))
        return [Window(most, seconds) for most, seconds in pairs if most]


class Tally:
    """How the caller of one request stands, told in its answer."""

    def __init__(self) -> None:
        self.standing: Standing | None = None
        """The last window that counted; None where nothing is counted."""
        self.policy = ""

    def telling(self, send: Send) -> Send:
        """Send answers with the headers that tell how the caller stands."""

        async def tell_and_send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and self.standing is not None:
                told = _headers(self.standing, self.policy)
                message = {**message, "headers": [*message["headers"], *told]}
            await send(message)

        return tell_and_send


@dataclass(frozen=True, slots=True)
class Limiter:
    """Counts requests and refuses those that are too many."""

    rates: Rates
    key: Allowance
    """For keys and people who were given nothing of their own."""
    address: Allowance
    """For strangers, and for credentials that are wrong."""
    refused: Counter[str] = field(default_factory=Counter)
    """How many were refused, by what of `COUNTED` was counted."""

    async def count_known(self, admitted: Admitted, tally: Tally) -> None:
        """Count a request of somebody known; raises `RateLimited`."""
        identity = admitted.identity
        name = f"key:{identity.key_id}" if identity.key_id else f"account:{identity.account}"
        await self._count(name, _given(admitted, self.key), tally)

    async def count_stranger(self, address: str, tally: Tally) -> None:
        """Count a request of somebody unknown from this address; raises `RateLimited`."""
        await self._count(f"address:{group_of(address)}", self.address, tally)

    async def _count(self, name: str, allowance: Allowance, tally: Tally) -> None:
        windows = allowance.windows()
        tally.policy = ", ".join(f"{each.most};w={each.seconds}" for each in reversed(windows))
        for window in windows:
            tally.standing = await self.rates.hit(name, window)
            if tally.standing.is_over:
                self.refused[name.partition(":")[0]] += 1
                raise _too_often(tally.standing)


def limiter(rates: Rates, settings: GatewaySettings) -> Limiter:
    """Make what limits as the settings say."""
    return Limiter(
        rates,
        key=Allowance(settings.key_per_minute, settings.key_burst),
        address=Allowance(settings.address_per_minute, settings.address_burst),
    )


def _given(admitted: Admitted, otherwise: Allowance) -> Allowance:
    is_admin = admitted.identity.role is Role.ADMIN
    return Allowance(
        _own(admitted.rate_per_minute, otherwise.per_minute, may_be_more=is_admin),
        _own(admitted.burst, otherwise.burst, may_be_more=is_admin),
    )


def _own(given: int | None, otherwise: int, *, may_be_more: bool) -> int:
    """Tell which limit counts: everybody may bound a key of theirs, only admins may let it more."""
    if given is None:
        return otherwise
    return given if may_be_more or not otherwise else min(given, otherwise)


def _too_often(standing: Standing) -> RateLimited:
    most, seconds = standing.window.most, standing.window.seconds
    wait_s = _whole(standing.wait_s)
    within = "one second" if seconds == _BURST_S else f"{seconds} seconds"
    return RateLimited(
        f"There were {most} requests within {within}, which is the limit; wait {wait_s} s.",
        limit={"limit_requests": most, "within_s": seconds},
        retry_after_s=wait_s,
    )


def _headers(standing: Standing, policy: str) -> list[tuple[bytes, bytes]]:
    told = {
        "ratelimit-limit": str(standing.window.most),
        "ratelimit-remaining": str(standing.remaining),
        "ratelimit-reset": str(math.ceil(standing.reset_s)),
        "ratelimit-policy": policy,
    }
    return [(name.encode(), value.encode()) for name, value in told.items()]


def _whole(seconds: float) -> int:
    """Round up, and past the moment itself, at which the count is not yet lower."""
    return max(1, math.ceil(seconds + 0.01))
