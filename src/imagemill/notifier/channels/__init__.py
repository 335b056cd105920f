"""The channel port: a way to tell somebody.

A channel is tried by `sender.py`, which owns the plan of tries: a channel tries once, and says how
it ended. It may be asked again for what it has delivered, when a crash came between.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from imagemill.notifier.delivery import Delivery

KEPT_CHARACTERS: Final = 1024
"""How much of an answer is kept."""


class Kind(StrEnum):
    """How a try ended."""

    DELIVERED = "delivered"
    AGAIN = "again"
    """It may go well later."""
    NEVER = "never"
    """It will not go well later either."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a try."""

    kind: Kind
    reason: str = ""
    """Why it was not delivered, for the target's owner: no secret, nothing of our own network."""
    after_s: float | None = None
    """How long the receiver asked to be left alone; None where it did not."""
    status: int | None = None
    """HTTP status of the answer, where there was one."""
    answer: str = ""
    """The beginning of the answer's body, for the target's owner."""


def delivered(status: int | None = None, answer: str = "") -> Outcome:
    """Say that the target has it."""
    return Outcome(Kind.DELIVERED, status=status, answer=answer[:KEPT_CHARACTERS])


def again(
    reason: str, after_s: float | None = None, *, status: int | None = None, answer: str = ""
) -> Outcome:
    """Say that it is to be tried again, after the pause that is due or a longer one."""
    return Outcome(Kind.AGAIN, reason, after_s, status, answer[:KEPT_CHARACTERS])


def never(reason: str, *, status: int | None = None, answer: str = "") -> Outcome:
    """Say that trying again is of no use."""
    return Outcome(Kind.NEVER, reason, None, status, answer[:KEPT_CHARACTERS])


class Channel(Protocol):
    """A way to tell somebody."""

    async def deliver(self, delivery: Delivery) -> Outcome:
        """Try once, within a bounded time; raises nothing but what is a mistake of ours."""
        ...
