"""Whose job is next: lanes by priority, and a fair share for every owner in each.

Jobs wait in the outbox in the order of their *turns*, numbers of a clock that moves with what is
announced: a job's turn lies one step behind that of its owner's job before it in the same lane,
and never in the past. A step is short in the high lane and long in the low one. So whoever asks
for 10,000 jobs takes 10,000 steps ahead, and ten jobs of somebody else who comes later stand near
the front; a high job goes before nearly all others, and a low one still moves.

Source: self-clocked fair queueing (S. J. Golestani, "A self-clocked fair queueing scheme for
broadband applications", INFOCOM 1994), where the clock is the turn of what was sent last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Priority(StrEnum):
    """Name a lane."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def lane(self) -> int:
        """Number of the lane, as it is kept; 0 is the fastest."""
        return tuple(Priority).index(self)

    @property
    def step(self) -> int:
        """How far one job moves its owner: eight high jobs weigh as much as a normal one."""
        return _STEPS[self]


_STEPS: Final[Mapping[Priority, int]] = {
    Priority.HIGH: 1,
    Priority.NORMAL: 8,
    Priority.LOW: 64,
}


@dataclass(frozen=True, slots=True)
class Window:
    """How many jobs are announced and not claimed yet, at most.

    What is announced is in the queue's order and can no more be overtaken, so there should be
    little of it; but workers must never find an empty queue while jobs wait.
    """

    size: int = 16
    least: int = 16
    most: int = 1024
    wait_s: float = 0.25
    """How long an announced job should wait for a worker at most."""

    def fitted(self, unclaimed: int, oldest_s: float) -> Window:
        """Grow when workers have taken nearly all, shrink when they have not come for long.

        `unclaimed` jobs of the window are left, the oldest of them announced `oldest_s` ago.
        """
        size = self.size
        if unclaimed * 4 <= size and oldest_s <= self.wait_s:
            size *= 2
        elif oldest_s > self.wait_s:
            size //= 2
        size = min(max(size, self.least), self.most)
        return Window(size, self.least, self.most, self.wait_s)


def priority_of(lane: int) -> Priority:
    """Give the name of a lane that was kept as a number."""
    return tuple(Priority)[lane]


def turn_after(now: int, last: int | None, priority: Priority) -> int:
    """Give the turn of a new job: `now` is the clock, `last` its owner's last turn in the lane."""
    return max(now, last or 0) + priority.step
