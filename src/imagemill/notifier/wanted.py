"""The port through which ways of telling say who is to be told of what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from imagemill.notifier.events import Event


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody who is to be told of an event, in one way."""

    event: Event
    channel: str
    """Name of the channel that delivers it: `webhook`, `mail`, ..."""
    name: str
    """Which of the channel's addresses; an event is owed to each name once."""
    host: str
    """Whom slowness concerns: a few deliveries at a time go to one host."""
    due_at: float | None = None
    """Not before this; None for at once. Seconds since 1970."""


class Wanted(Protocol):
    """Who wants to be told, by some channels."""

    async def of(self, events: Sequence[Event]) -> list[Target]:
        """Name everybody who wants some of these events; raises `Unavailable` to be asked again.

        It decides nothing for good: the same events may be asked about again after a crash.
        """
        ...
