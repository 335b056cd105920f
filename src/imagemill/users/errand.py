"""Errands: what other services are to be told, at least once, and when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 300.0


class Kind(StrEnum):
    """What is told."""

    LETTER = "letter"
    """A mail about an account, to the notifier."""
    DEPARTURE = "departure"
    """That an account is gone, and what is kept of it must go too."""


@dataclass(frozen=True, slots=True)
class Errand:
    """Something to be told to one service."""

    id: str
    peer: str
    """The service's name."""
    kind: str
    body: str
    """JSON of the letter, or id of the account."""
    due_at: float
    """When it is tried next, in seconds since 1970."""
    tries: int = 0
    """How often it was tried in vain."""
    expires_at: float | None = None
    """When it is of no use any more; None where it must be heard."""


def pause_s(tries: int) -> float:
    """Tell how long to wait after so many tries in vain."""
    return float(min(FIRST_PAUSE_S * 2 ** min(tries, 20), LONGEST_PAUSE_S))
