"""When a delivery is tried again: ten tries over about three days."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

PAUSES_S: Final = (5.0, 60.0, 300.0, 1800.0, 7200.0, 21600.0, 43200.0, 86400.0, 86400.0)
"""Pauses between the tries; together 2 days and 20 hours."""
TRIES: Final = len(PAUSES_S) + 1
LONGEST_S: Final = 86400.0
"""The longest pause that a receiver may ask for."""
SPREAD: Final = 0.2
"""How much of a pause is left to chance, both ways, so that a crowd does not come back as one."""


def pause_s(
    tries: int, after_s: float | None, chance: Callable[[], float], *, pace: float = 1.0
) -> float | None:
    """Tell how long to wait after so many tries; None when they are used up.

    `after_s` is what the receiver asked for: it makes a pause longer, never shorter. `chance`
    gives numbers from -1 to 1; `pace` is what our own pauses are multiplied by.
    """
    if tries >= TRIES:
        return None
    planned_s = PAUSES_S[tries - 1] * pace * (1 + SPREAD * chance())
    return max(planned_s, min(after_s or 0.0, LONGEST_S))
