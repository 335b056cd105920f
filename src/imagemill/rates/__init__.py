"""The port of rates: how often somebody came within a sliding window, and whether one more may.

The window slides by weighing two fixed ones: what was counted in the one before counts for as much
of it as still lies within reach. So a count is a few numbers, however many requests there were, and
is off by little where requests are unevenly spread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Window:
    """So many requests within any so many seconds."""

    most: int
    """At least 1."""
    seconds: int


@dataclass(frozen=True, slots=True)
class Held:
    """What is counted for one name at one moment."""

    previous: int = 0
    """Requests in the fixed window before this one."""
    previous_s: float = 0.0
    """Seconds for which that window still counts for something."""
    current: int = 0
    """Requests in this fixed window."""
    current_s: float = 0.0
    """Seconds until this fixed window ends."""

    def weight(self, window: Window) -> int:
        """Tell how many requests count now."""
        return math.floor(self.previous * self.previous_s / window.seconds) + self.current


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands after a request was counted, or was not since there were too many."""

    window: Window
    is_over: bool
    """Whether the request was one too many; it is not counted then."""
    remaining: int
    """Requests that would be let in now."""
    reset_s: float
    """Seconds until everything that is counted now is forgotten."""
    wait_s: float
    """Seconds until one more would be let in; 0 while some remain."""


class Rates(Protocol):
    """Counts requests by name."""

    async def hit(self, name: str, window: Window) -> Standing:
        """Count one more for `name`, unless there would be too many then.

        Raises `Unavailable` when what keeps the counts does not answer.
        """
        ...


def standing(window: Window, held: Held, *, is_over: bool) -> Standing:
    """Tell what the counts of a moment mean."""
    remaining = 0 if is_over else max(0, window.most - held.weight(window))
    forgotten_s = held.current_s + window.seconds if held.current else held.previous_s
    return Standing(
        window,
        is_over=is_over,
        remaining=remaining,
        reset_s=forgotten_s,
        wait_s=0.0 if remaining else _wait_s(window, held),
    )


def _wait_s(window: Window, held: Held) -> float:
    """Tell when the older of the two windows weighs so little that one more fits."""
    if held.current >= window.most:
        # This window becomes the older one first, and then has to lose weight.
        return held.current_s + _fading_s(window, held.current, window.most, window.seconds)
    return _fading_s(window, held.previous, window.most - held.current, held.previous_s)


def _fading_s(window: Window, count: int, under: int, left_s: float) -> float:
    """Tell in how many seconds a count that fades weighs less than `under`."""
    if not count:
        return 0.0
    return max(0.0, left_s - under * window.seconds / count)
