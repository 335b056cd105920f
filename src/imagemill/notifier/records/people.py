"""What people were told, as they may read it, and letters whose words are to be forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imagemill.database import Connection, Row

# Of the newest first, one part of the list; the last try says why one was not delivered.
_TOLD = """
SELECT d.id, d.event_id, e.type, d.channel, d.target, d.status, d.tries, d.created_at, d.due_at,
       d.ended_at,
       (SELECT a.reason FROM attempts a WHERE a.delivery_id = d.id ORDER BY a.number DESC LIMIT 1)
           AS reason
FROM deliveries d JOIN events e ON e.id = d.event_id
WHERE d.owner = :owner AND d.channel IN ('mail', 'sms', 'push')
  AND (d.created_at < :before OR (d.created_at = :before AND d.id < :before_id))
ORDER BY d.created_at DESC, d.id DESC LIMIT :most
"""
_TESTS = """
SELECT count(*) AS tests, min(d.created_at) AS first_at
FROM deliveries d JOIN events e ON e.id = d.event_id
WHERE d.owner = :owner AND d.channel IN ('mail', 'sms', 'push') AND d.created_at > :since
  AND e.type = 'test'
"""
_FORGET_BODY = "UPDATE events SET body = '{}' WHERE id = :id"


@dataclass(frozen=True, slots=True)
class Told:
    """Something that somebody was told, or is to be."""

    id: str
    event_id: str
    type: str
    channel: str
    to: str
    status: str
    tries: int
    created_at: float
    due_at: float
    """When it is tried next, while it is owed."""
    ended_at: float | None
    reason: str
    """Why the last try failed; empty where none did."""


def told(
    connection: Connection, owner: str, before: float, before_id: str, most: int
) -> list[Told]:
    """List what an account was told, the newest first."""
    row = {"owner": owner, "before": before, "before_id": before_id, "most": most}
    return [_told(each) for each in connection.execute(_TOLD, row)]


def tests(connection: Connection, owner: str, since: float) -> tuple[int, float | None]:
    """Count the tests that an account asked for after a moment, and tell when the first was."""
    row: dict[str, Any] = {"owner": owner, "since": since}
    found = connection.execute(_TESTS, row)[0]
    return int(found["tests"]), found["first_at"]


def forget_body(connection: Connection, event_id: str) -> None:
    """Forget what was told, and keep that it was."""
    connection.execute(_FORGET_BODY, {"id": event_id})


def _told(row: Row) -> Told:
    return Told(
        id=row["id"],
        event_id=row["event_id"],
        type=row["type"],
        channel=row["channel"],
        to=row["target"],
        status=row["status"],
        tries=row["tries"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        ended_at=row["ended_at"],
        reason=row["reason"] or "",
    )
