"""What is owed to whom, and what became of each try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from imagemill.database import Connection, Row
from imagemill.notifier.delivery import Delivery, DeliveryStatus

_ADD_EVENT = """
INSERT INTO events (id, type, at, owner, body, traceparent, request_id, job_id)
VALUES (:id, :type, :at, :owner, :body, :traceparent, :request_id, :job_id)
ON CONFLICT (id) DO NOTHING
"""
_ADD = """
INSERT INTO deliveries (id, event_id, owner, channel, target, address, lane, status,
                        due_at, created_at)
VALUES (:id, :event_id, :owner, :channel, :target, :address, :lane, 'owed',
        :due_at, :created_at)
ON CONFLICT DO NOTHING
"""
# From one lane to the next, and not over every row: a lane may hold many.
_LANES = """
WITH RECURSIVE lanes (lane) AS (
    SELECT min(lane) FROM deliveries WHERE status = 'owed'
    UNION ALL
    SELECT (SELECT min(d.lane) FROM deliveries d WHERE d.status = 'owed' AND d.lane > lanes.lane)
    FROM lanes WHERE lanes.lane IS NOT NULL
)
SELECT lane, due_at FROM (
    SELECT lane, (
        SELECT min(d.due_at) FROM deliveries d WHERE d.status = 'owed' AND d.lane = lanes.lane
    ) AS due_at
    FROM lanes WHERE lane IS NOT NULL
) AS first_due
WHERE due_at <= :now ORDER BY due_at
"""
_LEND = """
UPDATE deliveries SET lease_id = :lease_id, due_at = :until
WHERE id IN (
    SELECT id FROM deliveries
    WHERE status = 'owed' AND lane = :lane AND due_at <= :now
    ORDER BY due_at, created_at LIMIT :most
) AND status = 'owed'
"""
_DELIVERY = """
SELECT d.*, e.type AS event_type, e.body, e.traceparent, e.request_id, e.job_id
FROM deliveries d JOIN events e ON e.id = d.event_id
"""
_LENT = f"{_DELIVERY} WHERE d.lease_id = :lease_id ORDER BY d.created_at, d.id"
_END = """
UPDATE deliveries SET status = :status, tries = tries + 1, due_at = :due_at, ended_at = :ended_at,
       lease_id = NULL, reason = :reason
WHERE id = :id AND lease_id = :lease_id RETURNING id
"""
_ADD_ATTEMPT = """
INSERT INTO attempts (delivery_id, number, at, outcome, reason, status, milliseconds, answer)
SELECT :delivery_id, coalesce(max(number), 0) + 1, :at, :outcome, :reason, :status, :milliseconds,
       :answer
FROM attempts WHERE delivery_id = :delivery_id
"""
_OWED = """
SELECT count(*) AS owed, min(created_at) AS oldest_at FROM deliveries WHERE status = 'owed'
"""
_OLD = """
SELECT id FROM deliveries WHERE ended_at < :before ORDER BY ended_at LIMIT :most
"""
_FORGET_ATTEMPTS = "DELETE FROM attempts WHERE delivery_id = :id"
_FORGET = "DELETE FROM deliveries WHERE id = :id RETURNING event_id"
_FORGET_EVENT = """
DELETE FROM events WHERE id = :id AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event_id = :id)
"""

_NOTHING: Mapping[str, Any] = {"traceparent": None, "request_id": None, "job_id": None}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A lane in which something is due."""

    lane: str
    due_at: float
    """Since when the first of it is due."""


@dataclass(frozen=True, slots=True)
class Owed:
    """What is to be owed: an event, as it is told, and whom to tell."""

    id: str
    event: Mapping[str, Any]
    """Row of the event: `id`, `type`, `at`, `owner`, `body`, and what it goes back to."""
    channel: str
    target: str
    lane: str
    due_at: float | None
    """None for at once."""
    address: str = ""
    """Where it goes, if that is to be kept."""


def owe(connection: Connection, owed: Sequence[Owed]) -> None:
    """Owe deliveries; what is owed already, or was, is not owed twice."""
    now = connection.now()
    events = {each.event["id"]: each.event for each in owed}
    connection.execute_many(_ADD_EVENT, [{**_NOTHING, **row} for row in events.values()])
    connection.execute_many(_ADD, [_row(each, now) for each in owed])
    connection.tell("owed")


def lanes(connection: Connection) -> list[Waiting]:
    """List the lanes in which something is due, the first due first.

    The cost grows with the lanes in which something is owed: about 4 ms for each 1,000.
    """
    rows = connection.execute(_LANES, {"now": connection.now()})
    return [Waiting(row["lane"], row["due_at"]) for row in rows]


def lend(
    connection: Connection, room: Mapping[str, int], lease_id: str, lease_s: float
) -> list[Delivery]:
    """Lend what is due of each lane, as many as there is room for, until the lease is over."""
    now = connection.now()
    for lane, most in room.items():
        row = {"lane": lane, "most": most, "now": now, "until": now + lease_s}
        connection.execute(_LEND, row | {"lease_id": lease_id})
    return [delivery_of(row) for row in connection.execute(_LENT, {"lease_id": lease_id})]


def finish(
    connection: Connection,
    delivery: Delivery,
    attempt: Mapping[str, Any],
    status: DeliveryStatus,
    due_at: float,
) -> bool:
    """Write down the end of a try; False, and nothing is written, when its lease was over."""
    row = {"id": delivery.id, "lease_id": delivery.lease_id, "status": status, "due_at": due_at}
    ended_at = None if status is DeliveryStatus.OWED else connection.now()
    if not connection.execute(_END, row | {"ended_at": ended_at, "reason": attempt["reason"]}):
        return False
    connection.execute(_ADD_ATTEMPT, {"delivery_id": delivery.id, **attempt})
    return True


def owed(connection: Connection) -> tuple[int, float | None]:
    """Count what is owed, and tell since when the oldest of it is."""
    row = connection.execute(_OWED)[0]
    return int(row["owed"]), row["oldest_at"]


def forget(connection: Connection, before: float, most: int) -> int:
    """Remove deliveries that ended before a moment, so many at most; tell how many there were."""
    old = [each["id"] for each in connection.execute(_OLD, {"before": before, "most": most})]
    remove(connection, old)
    return len(old)


def remove(connection: Connection, ids: Sequence[str]) -> None:
    """Remove deliveries with their tries, and the events that nobody else was told of."""
    for each in ids:
        connection.execute(_FORGET_ATTEMPTS, {"id": each})
        for row in connection.execute(_FORGET, {"id": each}):
            connection.execute(_FORGET_EVENT, {"id": row["event_id"]})


def delivery_of(row: Row) -> Delivery:
    """Read a delivery from a row that was joined with its event."""
    return Delivery(
        id=row["id"],
        event_id=row["event_id"],
        event_type=row["event_type"],
        owner=row["owner"],
        channel=row["channel"],
        target=row["target"],
        address=row["address"],
        lane=row["lane"],
        status=DeliveryStatus(row["status"]),
        tries=row["tries"],
        due_at=row["due_at"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
        body=row["body"],
        reason=row["reason"],
        lease_id=row["lease_id"],
        traceparent=row["traceparent"],
        request_id=row["request_id"],
        job_id=row["job_id"],
    )


def _row(owed: Owed, now: float) -> dict[str, Any]:
    given = asdict(owed)
    event = given.pop("event")
    due_at = now if owed.due_at is None else owed.due_at
    return given | {
        "event_id": event["id"],
        "owner": event["owner"],
        "due_at": due_at,
        "created_at": now,
    }
