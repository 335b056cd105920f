"""Lists, page after page: ordered by time and id, mostly the newest first."""

from __future__ import annotations

import base64
import math
from typing import Final

from imagemill.errors import FieldError, InvalidRequest

MOST: Final = 100
"""Things on one page of a list."""


def cursor_of(at: float, id_: str) -> str:
    """Write where a list goes on."""
    return base64.urlsafe_b64encode(f"{at!r} {id_}".encode()).decode()


def place_of(cursor: str, start: float = math.inf) -> tuple[float, str]:
    """Read a cursor, or the start of the list where it is empty; raises `InvalidRequest`.

    A list that has the oldest first starts at minus infinity.
    """
    if not cursor:
        return start, ""
    try:
        at, _, id_ = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return float(at), id_
    except ValueError as error:
        problem = FieldError("cursor", "is not one that an answer gave.")
        raise InvalidRequest("The list cannot go on from there.", errors=[problem]) from error
