"""How long and how much one request to somebody else's host may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of one request, with all its redirects."""

    most_bytes: int = 50 * 1024 * 1024
    """Bytes of the answer's body that are read; one more is `TooLarge`."""
    lookup_s: float = 5.0
    connect_s: float = 5.0
    read_s: float = 10.0
    """Longest silence between two pieces of an answer."""
    total_s: float = 30.0
    least_bytes_per_s: float = 1024.0
    """Average speed of a body that has come in for `slow_after_s`."""
    slow_after_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known of a body on its way in."""

    began_at: float
    size_bytes: int = 0

    def is_too_slow(self, now: float, bounds: Bounds) -> bool:
        """Tell whether so little has come by a moment that the rest is not waited for."""
        taken = now - self.began_at
        return taken > bounds.slow_after_s and self.size_bytes < taken * bounds.least_bytes_per_s
