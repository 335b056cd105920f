"""Rates in this process's memory.

Known limits: each process counts for itself, so two gateways let in twice as many. The names that
did not come for longest are forgotten when there are too many; who has that many addresses can make
others' counts be forgotten. The library's own memory was not taken: it walks all its names at
every request, which cost 16 ms of the event loop at 100,000 names (measured 2026-11).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from imagemill.rates import Held, Standing, Window, standing


class MemoryRates:
    """`Rates` of one process."""

    def __init__(self, clock: Callable[[], float], *, names: int = 100_000) -> None:
        """Take time from `clock` (seconds, only ever growing)."""
        self._clock = clock
        self._names = names
        self._counts: OrderedDict[tuple[str, int], tuple[int, int, int]] = OrderedDict()

    async def hit(self, name: str, window: Window) -> Standing:
        """Count one more, unless there would be too many."""
        now = self._clock()
        number, previous, current = self._counted(name, window, int(now // window.seconds))
        left_s = window.seconds - now % window.seconds
        held = Held(previous, left_s if previous else 0.0, current, left_s)
        is_over = held.weight(window) >= window.most
        if not is_over:
            held = Held(previous, held.previous_s, current + 1, left_s)
        self._keep((name, window.seconds), (number, previous, held.current))
        return standing(window, held, is_over=is_over)

    def _counted(self, name: str, window: Window, number: int) -> tuple[int, int, int]:
        """Give the counts, moved to the fixed window of that number."""
        then, previous, current = self._counts.get((name, window.seconds), (number, 0, 0))
        if then == number:
            return number, previous, current
        return number, current if then == number - 1 else 0, 0

    def _keep(self, key: tuple[str, int], counts: tuple[int, int, int]) -> None:
        self._counts[key] = counts
        self._counts.move_to_end(key)
        while len(self._counts) > self._names:
            self._counts.popitem(last=False)
