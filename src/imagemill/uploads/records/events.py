"""The log of what happened to images."""

from __future__ import annotations

from typing import Final

from imagemill.contracts.uploads import ImageEvent
from imagemill.database import Connection, Row

_ADD = """
INSERT INTO events (type, image_id, owner, at, code) VALUES (:type, :image_id, :owner, :at, :code)
"""
_AFTER = "SELECT * FROM events WHERE seq > :after ORDER BY seq LIMIT :most"
_NEWEST = "SELECT * FROM events ORDER BY seq DESC LIMIT 1"
_FORGET = """
DELETE FROM events WHERE seq IN (
    SELECT seq FROM events WHERE at < :before ORDER BY at LIMIT :most
)
"""

_FORGET_OWNER = "DELETE FROM events WHERE owner = :owner"
TOLD: Final = "events"
"""What other processes hear when the log has grown."""


def add(
    connection: Connection,
    type_: str,
    image_id: str,
    owner: str,
    at: float,
    code: str | None = None,
) -> None:
    """Write down what happened to an image."""
    row = {"type": type_, "image_id": image_id, "owner": owner, "at": at, "code": code}
    connection.execute(_ADD, row)
    connection.tell(TOLD)


def after(connection: Connection, seq: int, most: int) -> list[ImageEvent]:
    """Read what happened after an event, in order."""
    return [_event(row) for row in connection.execute(_AFTER, {"after": seq, "most": most})]


def newest(connection: Connection) -> list[ImageEvent]:
    """Read the last event, if there is one."""
    return [_event(row) for row in connection.execute(_NEWEST)]


def forget(connection: Connection, before: float, most: int) -> None:
    """Remove the oldest events up to a moment, so many at most; their numbers never come again."""
    connection.execute(_FORGET, {"before": before, "most": most})


def forget_owner(connection: Connection, owner: str) -> None:
    """Remove what happened to an owner's images."""
    connection.execute(_FORGET_OWNER, {"owner": owner})


def _event(row: Row) -> ImageEvent:
    return ImageEvent(
        id=row["seq"],
        type=row["type"],
        image_id=row["image_id"],
        owner=row["owner"],
        at=row["at"],
        code=row["code"],
    )
