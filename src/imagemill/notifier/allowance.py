"""How many messages an account gets in a day: the operator pays for each SMS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

_DAY_S: Final = 86_400.0


class Allowance:
    """Counts the messages of each account by each channel since midnight, UTC.

    Known limits: it counts in memory, so each process counts alone and from its start. Letters and
    tests count too, and are never held back by it.
    """

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        """Allow so many messages; `clock` tells seconds since 1970."""
        self.most = most
        self._clock = clock
        self._day = -1
        self._told: Counter[tuple[str, str]] = Counter()

    def is_left(self, account: str, channel: str) -> bool:
        """Tell whether one more message may go out; a few at the same moment may all do so."""
        return self._today()[account, channel] < self.most

    def count(self, account: str, channel: str) -> None:
        """Count a message that went out."""
        self._today()[account, channel] += 1

    def _today(self) -> Counter[tuple[str, str]]:
        today = int(self._clock() // _DAY_S)
        if today != self._day:
            self._day = today
            self._told.clear()
        return self._told
