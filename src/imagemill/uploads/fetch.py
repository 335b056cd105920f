"""An image on its way from a URL, and what decides about its next try."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from imagemill.contracts.identity import Identity
from imagemill.errors import ImagemillError, Internal, SourceUnavailable, Unavailable

MOST_TAKEN: Final = 20
"""Times that a fetch is begun before it is given up, whatever ended the others."""
_RETRIES: Final = 3
_GROWTH: Final = 4.0
"""Each pause is so many times the one before."""
_LONGEST_PAUSE_S: Final = 3600.0
"""What a host may ask for with `Retry-After`."""
_OUR_PAUSE_S: Final = 5.0
"""Pause after something failed on this side, which costs no try."""


class FetchStatus(StrEnum):
    """Say what became of an image that was asked for by URL."""

    PENDING = "pending"
    STORED = "stored"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Fetch:
    """A promise to get an image."""

    image_id: str
    """Of the image that it is to become; known from the beginning."""
    owner: str
    url: str
    host: str
    """As it was read out of the URL."""
    name: str | None
    created_at: float
    key_id: str | None = None
    """The key that asked for it."""
    stored_bytes: int | None = None
    """Bytes that this key's originals may take up; None is no bound of its own."""
    status: FetchStatus = FetchStatus.PENDING
    lease_id: str | None = None
    """Held by who fetches it now; a newer one makes it worthless."""
    taken: int = 0
    """How often it was begun."""
    failures: int = 0
    """Tries that the host failed."""
    kept_as: str | None = None
    """The image that it became: itself, or the one that was kept of the same bytes before."""
    error: dict[str, Any] | None = None
    """Why it failed: `code`, `message`, `limit`."""

    @property
    def asker(self) -> Identity:
        """Give who asked for it, as far as it matters when the image comes in."""
        return Identity(account=self.owner, key_id=self.key_id, stored_bytes=self.stored_bytes)


@dataclass(frozen=True, slots=True)
class Again:
    """Try once more, after a pause."""

    pause_s: float
    failures: int


Ruling = Again | ImagemillError
"""What follows a try that did not bring the image: another one, or the end with an error."""


def after_failure(
    fetch: Fetch, error: ImagemillError, pause_s: float, jitter: Callable[[float], float]
) -> Ruling:
    """Decide what follows an error.

    The host's errors and time-outs are worth three more tries, with growing pauses or as long as it
    asked for; what failed on this side costs none of these. Anything else ends the fetch.
    """
    if fetch.taken >= MOST_TAKEN and error.retry:
        return error if isinstance(error, SourceUnavailable) else given_up()
    if isinstance(error, SourceUnavailable) and error.retry and fetch.failures < _RETRIES:
        grown_s = jitter(pause_s * _GROWTH**fetch.failures)
        asked_s = min(error.retry_after_s or 0.0, _LONGEST_PAUSE_S)
        return Again(max(grown_s, asked_s), fetch.failures + 1)
    if isinstance(error, Unavailable):
        return Again(jitter(_OUR_PAUSE_S), fetch.failures)
    return error


def given_up() -> Internal:
    """Make the error of a fetch that was begun again and again and never came to an end."""
    return Internal("The image was fetched again and again, and never to an end.")
