"""What an owner may see of deliveries to a target, and ask for again; statements name the owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imagemill.database import Connection
from imagemill.errors import NotFound
from imagemill.notifier.delivery import Attempt, Delivery
from imagemill.notifier.records.deliveries import delivery_of

_DELIVERY = """
SELECT d.*, e.type AS event_type, e.body, e.traceparent,
       e.request_id, e.job_id
FROM deliveries d JOIN events e ON e.id = d.event_id
WHERE d.owner = :owner AND d.target = :target
"""
_ONE = f"{_DELIVERY} AND d.id = :id"
_LIST = f"""{_DELIVERY}
  AND (:status = '' OR d.status = :status)
  AND (:event = '' OR e.type = :event)
  AND (d.created_at, d.id) < (:before, :before_id)
ORDER BY d.created_at DESC, d.id DESC LIMIT :most
"""
_ATTEMPTS = "SELECT * FROM attempts WHERE delivery_id = :id ORDER BY number"
# One that is tried just now is left alone; one that rests between two tries goes at once.
_AGAIN = """
UPDATE deliveries SET status = 'owed', tries = 0, due_at = :now, ended_at = NULL
WHERE owner = :owner AND target = :target AND id = :id AND lease_id IS NULL
"""
_ALL_AGAIN = """
UPDATE deliveries SET status = 'owed', tries = 0, due_at = :now, ended_at = NULL
WHERE id IN (
    SELECT id FROM deliveries
    WHERE owner = :owner AND target = :target AND status = 'failed' AND created_at >= :since
    LIMIT :most
)
RETURNING id
"""
_FAIL = """
UPDATE deliveries SET status = 'failed', ended_at = :now, lease_id = NULL, reason = :reason
WHERE owner = :owner AND target = :target AND status = 'owed'
"""
_MOVE = """
UPDATE deliveries SET lane = :lane WHERE owner = :owner AND target = :target AND status = 'owed'
"""
# The sweep forgets what ended longest ago first, and removes events and tries with it.
_DROP = """
UPDATE deliveries SET status = 'failed', ended_at = 0, lease_id = NULL
WHERE owner = :owner AND target = :target
"""
_DROP_ALL = """
UPDATE deliveries SET status = 'failed', ended_at = 0, lease_id = NULL WHERE owner = :owner
"""


@dataclass(frozen=True, slots=True)
class Listing:
    """Which deliveries to list; the newest come first."""

    owner: str
    target: str
    limit: int
    status: str = ""
    """Only of this status; empty for any."""
    event: str = ""
    """Only of this type of event; empty for any."""
    before: float = float("inf")
    before_id: str = ""


def listed(connection: Connection, wanted: Listing) -> list[Delivery]:
    """Read deliveries, and one more than asked for where there are more."""
    row = {
        "owner": wanted.owner,
        "target": wanted.target,
        "status": wanted.status,
        "event": wanted.event,
        "before": wanted.before,
        "before_id": wanted.before_id,
        "most": wanted.limit + 1,
    }
    return [delivery_of(each) for each in connection.execute(_LIST, row)]


def get(connection: Connection, owner: str, target: str, delivery_id: str) -> Delivery:
    """Read a delivery to one of an owner's targets; raises `NotFound`."""
    row = {"owner": owner, "target": target, "id": delivery_id}
    rows = connection.execute(_ONE, row)
    if not rows:
        raise NotFound("There is no such delivery.")
    return delivery_of(rows[0])


def attempts(connection: Connection, delivery_id: str) -> Sequence[Attempt]:
    """Read the tries at a delivery, in order."""
    return [
        Attempt(
            number=row["number"],
            at=row["at"],
            outcome=row["outcome"],
            reason=row["reason"],
            status=row["status"],
            milliseconds=row["milliseconds"],
            answer=row["answer"],
        )
        for row in connection.execute(_ATTEMPTS, {"id": delivery_id})
    ]


def owe_again(connection: Connection, owner: str, target: str, delivery_id: str) -> None:
    """Owe a delivery again, from now on and with all its tries; one that is tried now stays."""
    row = {"owner": owner, "target": target, "id": delivery_id, "now": connection.now()}
    connection.execute(_AGAIN, row)
    connection.tell("owed")


def owe_failed_again(
    connection: Connection, owner: str, target: str, since: float, most: int
) -> int:
    """Owe again what failed of all that was made since a moment; tell how many, up to `most`."""
    row = {"owner": owner, "target": target, "since": since, "most": most, "now": connection.now()}
    connection.tell("owed")
    return len(connection.execute(_ALL_AGAIN, row))


def fail_owed(connection: Connection, owner: str, target: str, reason: str) -> None:
    """Give up what is owed to a target; a person may have it delivered again."""
    row = {"owner": owner, "target": target, "reason": reason, "now": connection.now()}
    connection.execute(_FAIL, row)


def move_owed(connection: Connection, owner: str, target: str, lane: str) -> None:
    """Let what is owed to a target wait in another lane, for its address has changed."""
    connection.execute(_MOVE, {"owner": owner, "target": target, "lane": lane})


def drop(connection: Connection, owner: str, target: str | None) -> None:
    """Give up all deliveries to a target, or all of an owner; the sweep removes them."""
    if target is None:
        connection.execute(_DROP_ALL, {"owner": owner})
    else:
        connection.execute(_DROP, {"owner": owner, "target": target})
