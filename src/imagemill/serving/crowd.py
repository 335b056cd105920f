"""All connections of one process: how many from where, and a look at each now and then."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final, Protocol

from imagemill.gateway.addresses import Network, group_of, is_trusted
from imagemill.serving.pace import Bounds

_LOOKS_PER_TERM: Final = 10
_ROUND_S: Final = 1.0
"""Longest time until every connection was looked at once."""
_STEPS: Final = 10
"""Looks at a part of the connections each: cutting fifty off at once takes 30 ms of the loop."""
_STEP_S: Final = 0.01
_AWAY_S: Final = 0.5
"""A look that is so late shows that this process stood still, and what came was not read."""


class Watched(Protocol):
    """A connection that is looked at."""

    @property
    def untaken(self) -> int:
        """Bytes that were sent and that the caller did not take yet."""
        ...

    def look(self, now: float) -> None:
        """Cut the connection off if it is too slow; `now` is the loop's time."""
        ...

    def give_up(self, now: float) -> None:
        """Cut the connection off, if what was sent has been lying there for a while."""
        ...

    def excuse(self, now: float) -> None:
        """Measure from now on only, for this side was away."""
        ...


class Crowd:
    """Counts connections, and looks at them as long as there are any.

    A timer looks at all of them; a timer for each would cost more than the look.
    """

    def __init__(self, bounds: Bounds, trusted: Sequence[Network]) -> None:
        """Bound connections, but for those of the proxies in `trusted` from one address."""
        self._bounds = bounds
        self._trusted = trusted
        self._from: dict[Watched, str] = {}
        self._waiting: deque[Watched] = deque()
        self._counts: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._steps = 0
        term_s = min(bounds.head_s or bounds.slow_s, bounds.slow_s)
        round_s = min(_ROUND_S, term_s / _LOOKS_PER_TERM)
        self._step_s = max(_STEP_S, round_s / _STEPS)

    def joins(self, line: Watched, address: str) -> bool:
        """Take a connection in; False, and nothing is counted, where there are too many."""
        group = "" if is_trusted(address, self._trusted) else group_of(address)
        if not self._has_room_for(group):
            return False
        self._from[line] = group
        self._waiting.append(line)
        self._counts[group] += 1
        if self._timer is None:
            self._look_later()
        return True

    def leaves(self, line: Watched) -> None:
        """Let a connection go; one that was not taken in may go as well."""
        group = self._from.pop(line, None)
        if group is None:
            return
        self._counts[group] -= 1
        if not self._counts[group]:
            del self._counts[group]
        if not self._from and self._timer is not None:
            self._waiting.clear()
            self._timer.cancel()
            self._timer = None

    def _has_room_for(self, group: str) -> bool:
        most, most_of_one = self._bounds.connections, self._bounds.connections_per_address
        if most and len(self._from) >= most:
            return False
        return not (group and most_of_one and self._counts[group] >= most_of_one)

    def _make_room(self, now: float) -> None:
        """Give those up who left most lying, while all together left too much."""
        total = sum(line.untaken for line in self._from)
        if not self._bounds.untaken or total <= self._bounds.untaken:
            return
        held = sorted(self._from, key=lambda line: line.untaken)
        while held and total > self._bounds.untaken:
            line = held.pop()
            total -= line.untaken
            line.give_up(now)

    def _look_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time() + self._step_s
        self._timer = loop.call_at(self._due, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        if now > self._due + _AWAY_S:
            for line in list(self._from):
                line.excuse(now)
        else:
            self._look_at_some(now)
        self._timer = None
        if self._from:
            self._look_later()

    def _look_at_some(self, now: float) -> None:
        """Look at those who were not looked at for longest; make room when all have been."""
        for _ in range(math.ceil(len(self._waiting) / _STEPS)):
            line = self._waiting.popleft()
            if line in self._from:
                self._waiting.append(line)
                line.look(now)
        self._steps += 1
        if self._steps % _STEPS == 0:
            self._make_room(now)
