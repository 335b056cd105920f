"""Lists, page after page: ordered by time and id, the newest first."""

from __future__ import annotations

import base64
from typing import Final

from imagemill.errors import FieldError, InvalidRequest

MOST: Final = 100
"""Things on one page of a list."""


def cursor_of(at: float, id_: str) -> str:
    """Write where a list goes on."""
    return base64.urlsafe_b64encode(f"{at!r} {id_}".encode()).decode()


def place_of(cursor: str) -> tuple[float, str]:
    """Read a cursor, or the start of the list where it is empty; raises `InvalidRequest`."""
    if not cursor:
        return float("inf"), ""
    try:
        before, _, before_id = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return float(before), before_id
    except ValueError as error:
        problem = FieldError("cursor", "is not one that an answer gave.")
        raise InvalidRequest("The list cannot go on from there.", errors=[problem]) from error
