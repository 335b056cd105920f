"""A request that is sent again under its `Idempotency-Key` is done once and answered alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request, Response

from imagemill.errors import FieldError, IdempotencyKeyReused, InvalidRequest, RequestInProgress

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
KEPT_S: Final = 24 * 3600.0
"""How long an answer is remembered."""
_LONGEST: Final = 255


def key_of(request: Request) -> str | None:
    """Read a request's `Idempotency-Key`; None where there is none.

    Raises `InvalidRequest` unless it stands once and is 1 to 255 printable ASCII characters.
    """
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    key = given[0]
    if len(given) > 1 or not 1 <= len(key) <= _LONGEST or not (key.isascii() and key.isprintable()):
        problem = FieldError(HEADER, f"is to be one text of 1 to {_LONGEST} ASCII characters.")
        limit = {"limit_characters": _LONGEST}
        raise InvalidRequest("The Idempotency-Key cannot be used.", errors=[problem], limit=limit)
    return key


def fingerprint(*parts: Any) -> str:  # noqa: ANN401 - any JSON values
    """Digest what a request means: its route, its wish, and the digests of the pictures in it.

    Never its raw bytes, for a form is written with another boundary at each try.
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Remembered:
    """The answer to a request that made something."""

    fingerprint: str
    """What the request meant, as `fingerprint` tells."""
    status: int
    location: str | None
    body: str
    """JSON, as it was answered."""
    made: str
    """Id of what the request made or found."""
    created_at: float
    """Seconds since 1970, UTC."""

    def answer(self) -> Response:
        """Give the stored answer again, marked as such."""
        headers = {REPLAYED: "true"} | ({"location": self.location} if self.location else {})
        return Response(self.body, self.status, headers, media_type="application/json")


def check(remembered: Remembered, wanted: str) -> None:
    """Raise `IdempotencyKeyReused` unless a request means what the remembered one did."""
    if remembered.fingerprint != wanted:
        raise IdempotencyKeyReused(
            f"This {HEADER} was sent before with another request; use a new key for a new request."
        )


class Running:
    """The keyed requests that this process is at."""

    def __init__(self) -> None:
        """Begin with none; there are never more than open connections."""
        self._keys: set[tuple[str, str]] = set()

    @contextmanager
    def entered(self, owner: str, key: str) -> Iterator[None]:
        """Hold a key of an owner for a block; raises `RequestInProgress` while another does."""
        if (owner, key) in self._keys:
            raise in_progress()
        self._keys.add((owner, key))
        try:
            yield
        finally:
            self._keys.remove((owner, key))


def in_progress() -> RequestInProgress:
    """Make the refusal of a request whose first sending has not been answered."""
    return RequestInProgress(
        f"The first request with this {HEADER} is still being answered; send it again later.",
        retry_after_s=1,
    )
