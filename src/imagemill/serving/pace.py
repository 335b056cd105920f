"""What a connection may take of time and room, and how fast is too slow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from imagemill.gateway.settings import GatewaySettings

TARGET_BYTES: Final = 16_384
"""Bytes of a path with its query; what stands before services (proxies, CDNs) takes 8 to 32 KB."""


_WATCHERS: Final = 64
"""Connections at once at the port for watching; each is short."""
_WATCHERS_OF_ONE: Final = 32


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one connection may take; 0 is no bound."""

    head_s: float
    """Seconds until the head of a request is there."""
    slowest: int
    """Bytes a second of a body that comes, and of an answer that is taken."""
    slow_s: float
    """Seconds over which that is measured."""
    untaken: int
    """Bytes of answers that wait to be taken, of all connections together."""
    head_bytes: int
    max_headers: int
    connections: int
    connections_per_address: int


@dataclass(frozen=True, slots=True)
class Pace:
    """What moved since a moment."""

    since: float
    moved: int = 0

    def with_more(self, count: int) -> Pace:
        """Give the pace after so many more bytes."""
        return replace(self, moved=self.moved + count)

    def is_too_slow(self, now: float, bounds: Bounds) -> bool:
        """Tell whether less moved than had to, over a time that is long enough to tell."""
        return self._is_ripe(now, bounds) and self.moved < bounds.slowest * (now - self.since)

    def renewed(self, now: float, bounds: Bounds) -> Pace:
        """Begin anew once the time is over: what came fast at first does not count for ever."""
        return Pace(now) if self._is_ripe(now, bounds) else self

    def _is_ripe(self, now: float, bounds: Bounds) -> bool:
        return now - self.since >= bounds.slow_s


def bounds_for(settings: GatewaySettings, *, is_gateway: bool) -> Bounds:
    """Give the bounds of the process that faces the world, or of one that only the gateway asks.

    A service gets a body as fast as its sender sends it to the gateway, which is who cuts it off,
    and every connection from one address.
    """
    return Bounds(
        head_s=settings.head_s if is_gateway else 0,
        slowest=settings.slowest_bytes_per_s if is_gateway else 0,
        slow_s=settings.slow_s,
        untaken=settings.max_untaken_bytes if is_gateway else 0,
        # The gateway adds an identity and an id to what it took.
        head_bytes=settings.head_bytes if is_gateway else 2 * settings.head_bytes,
        max_headers=settings.max_headers if is_gateway else 2 * settings.max_headers,
        connections=settings.max_connections if is_gateway else 0,
        connections_per_address=settings.max_connections_per_address if is_gateway else 0,
    )


def watching(settings: GatewaySettings) -> Bounds:
    """Give the bounds of the port for watching: few connections, each of which asks at once."""
    return Bounds(
        head_s=settings.head_s,
        slowest=settings.slowest_bytes_per_s,
        slow_s=settings.slow_s,
        untaken=settings.max_untaken_bytes,
        head_bytes=settings.head_bytes,
        max_headers=settings.max_headers,
        connections=_WATCHERS,
        connections_per_address=_WATCHERS_OF_ONE,
    )
