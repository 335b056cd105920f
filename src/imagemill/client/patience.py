"""How long to wait before asking again: pure decisions, in seconds."""

from __future__ import annotations

from http import HTTPStatus

RETRIED = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
"""Answers that say that nothing was done and that later may be better."""
TRIES = 6
"""How often one request is sent at most."""
LONGEST_PAUSE_S = 60.0
"""A server that asks for more gets an error instead of a client that seems to hang."""
RECONNECT_S = 0.5
"""Before a stream that ended early is taken up again."""

_SHORTEST_POLL_S = 0.01
_LONGEST_POLL_S = 1.0


def poll_pause_s(waited_s: float) -> float:
    """Wait a fifth of the time waited so far: quick jobs answer quickly, long ones cost little."""
    return min(max(waited_s / 5, _SHORTEST_POLL_S), _LONGEST_POLL_S)


def retry_pause_s(status: int, tried: int, retry_after_s: float | None) -> float | None:
    """Tell how long to wait before the next try, or None when there should be none.

    `tried` counts the tries so far. Without a word from the server the pauses are 0.5, 1, 2, 4
    and 8 seconds.
    """
    if status not in RETRIED or tried >= TRIES:
        return None
    pause_s = retry_after_s if retry_after_s is not None else 0.5 * 2.0 ** (tried - 1)
    return pause_s if pause_s <= LONGEST_PAUSE_S else None


def asked_pause_s(header: str | None) -> float | None:
    """Read `Retry-After` in seconds; its form with a date is not sent by Imagemill."""
    try:
        return max(float(header), 0.0) if header else None
    except ValueError:
        return None
