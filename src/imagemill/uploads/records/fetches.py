"""Images on their way from URLs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from imagemill.database import Connection, Row
from imagemill.errors import Conflict, ImagemillError
from imagemill.uploads.fetch import Again, Fetch, FetchStatus
from imagemill.uploads.records import events

_ADD = """
INSERT INTO fetches (id, owner, key_id, stored_bytes, url, host, name, status, created_at, due_at)
VALUES (:id, :owner, :key_id, :stored_bytes, :url, :host, :name, 'pending', :created_at,
        :created_at)
ON CONFLICT (id) DO NOTHING
"""
_COUNT = "SELECT count(*) AS waiting FROM fetches WHERE owner = :owner AND due_at IS NOT NULL"
_WAITING = """
SELECT count(*) AS waiting, min(created_at) AS oldest_at FROM fetches WHERE due_at IS NOT NULL
"""
_BY_ID = "SELECT * FROM fetches WHERE id = :id AND owner = :owner"
_LISTED = """
SELECT * FROM fetches WHERE owner = :owner AND status = :status
AND (created_at, id) < (:before, :before_id)
ORDER BY created_at DESC, id DESC LIMIT :most
"""
_FORGET_OWNER = "DELETE FROM fetches WHERE owner = :owner"
# Owners have their turns one after the other; a host has no more in hand than it may.
_DUE = """
WITH due AS (
    SELECT id, host, due_at,
           row_number() OVER (PARTITION BY owner ORDER BY due_at, id) AS of_owner,
           row_number() OVER (PARTITION BY host ORDER BY due_at, id) AS of_host
    FROM fetches WHERE due_at <= :now
)
SELECT id FROM due
WHERE of_host + (
    SELECT count(*) FROM fetches AS taken
    WHERE taken.host = due.host AND taken.lease_id IS NOT NULL AND taken.due_at > :now
) <= :per_host
ORDER BY of_owner, due_at, id LIMIT :most
"""
_TAKE = """
UPDATE fetches SET lease_id = :lease_id, due_at = :until, taken = taken + 1
WHERE id = :id AND due_at <= :now
RETURNING *
"""
_NEXT = "SELECT min(due_at) AS due_at FROM fetches WHERE due_at IS NOT NULL"
_AGAIN = """
UPDATE fetches SET lease_id = NULL, due_at = :due_at, failures = :failures
WHERE id = :id AND lease_id = :lease_id
"""
_END = """
UPDATE fetches SET status = :status, lease_id = NULL, due_at = NULL, ended_at = :now,
       image_id = :image_id, error = :error
WHERE id = :id AND lease_id = :lease_id
RETURNING id
"""
_WITHDRAW = """
DELETE FROM fetches WHERE id = :id AND owner = :owner AND status <> 'stored' RETURNING id
"""
# What leads to an image that was kept before is kept as long as that one.
_FORGET = """
DELETE FROM fetches WHERE id IN (
    SELECT id FROM fetches AS ended WHERE ended.ended_at < :before AND (
        ended.image_id IS NULL OR ended.image_id = ended.id
        OR NOT EXISTS (SELECT 1 FROM images WHERE images.id = ended.image_id)
    ) ORDER BY ended.ended_at LIMIT :most
)
"""
TOLD: Final = "fetches"
"""What other processes hear when something is to be fetched."""


def under_way(connection: Connection) -> tuple[int, float | None]:
    """Count the fetches that have not ended, and tell when the oldest of them was asked for."""
    row = connection.execute(_WAITING)[0]
    return int(row["waiting"]), row["oldest_at"]


def add(connection: Connection, fetches: Sequence[Fetch]) -> None:
    """Promise images; one that was promised already stays as it is."""
    rows = [
        {
            "id": each.image_id,
            "owner": each.owner,
            "key_id": each.key_id,
            "stored_bytes": each.stored_bytes,
            "url": each.url,
            "host": each.host,
            "name": each.name,
            "created_at": each.created_at,
        }
        for each in fetches
    ]
    connection.execute_many(_ADD, rows)
    connection.tell(TOLD)


def waiting(connection: Connection, owner: str) -> int:
    """Count an owner's images that are on their way."""
    return int(connection.execute(_COUNT, {"owner": owner})[0]["waiting"])


def by_id(connection: Connection, owner: str, image_id: str) -> Fetch | None:
    """Find what became of an image that an owner asked for by URL."""
    rows = connection.execute(_BY_ID, {"id": image_id, "owner": owner})
    return _fetch(rows[0]) if rows else None


def listed(
    connection: Connection, owner: str, status: FetchStatus, place: tuple[float, str], most: int
) -> list[Fetch]:
    """Read an owner's fetches of a status, the newest first, from a time and id on."""
    before, before_id = place
    row = {
        "owner": owner,
        "status": status.value,
        "before": before,
        "before_id": before_id,
        "most": most,
    }
    return [_fetch(each) for each in connection.execute(_LISTED, row)]


def forget_owner(connection: Connection, owner: str) -> None:
    """Remove every fetch of an owner; one that is in hand comes to nothing."""
    connection.execute(_FORGET_OWNER, {"owner": owner})


def take(
    connection: Connection, lease_ids: Sequence[str], now: float, until: float, per_host: int
) -> list[Fetch]:
    """Take what is due, as many as there are lease ids and no more of one host than it may."""
    wanted = {"now": now, "per_host": per_host, "most": len(lease_ids)}
    due = connection.execute(_DUE, wanted)
    taken = []
    for row, lease_id in zip(due, lease_ids, strict=False):
        lease = {"id": row["id"], "lease_id": lease_id, "now": now, "until": until}
        taken += connection.execute(_TAKE, lease)
    return [_fetch(row) for row in taken]


def next_due(connection: Connection) -> float | None:
    """Tell when the next fetch is due; None where none is on its way."""
    due_at: float | None = connection.execute(_NEXT)[0]["due_at"]
    return due_at


def again(connection: Connection, fetch: Fetch, ruling: Again, now: float) -> None:
    """Put a fetch back, unless the lease on it is over."""
    row = {"id": fetch.image_id, "lease_id": fetch.lease_id, "failures": ruling.failures}
    connection.execute(_AGAIN, row | {"due_at": now + ruling.pause_s})


def stored(connection: Connection, fetch: Fetch, image_id: str, now: float) -> None:
    """Note which image a fetch became; raises `Conflict` when the lease on it is over."""
    _end(connection, fetch, FetchStatus.STORED, now, image_id=image_id)
    if image_id != fetch.image_id:
        events.add(connection, "image.stored", fetch.image_id, fetch.owner, now)


def failed(connection: Connection, fetch: Fetch, error: ImagemillError, now: float) -> None:
    """Note why there will be no image; raises `Conflict` when the lease is over."""
    told = {"code": error.code, "message": error.message, "limit": error.limit}
    _end(connection, fetch, FetchStatus.FAILED, now, error=json.dumps(told))
    events.add(connection, "image.failed", fetch.image_id, fetch.owner, now, error.code)


def withdraw(connection: Connection, owner: str, image_id: str) -> bool:
    """Forget that an image was asked for which did not come; tell whether there was one."""
    return bool(connection.execute(_WITHDRAW, {"id": image_id, "owner": owner}))


def forget(connection: Connection, before: float, most: int) -> None:
    """Remove what ended before a moment and leads nowhere, so many at most."""
    connection.execute(_FORGET, {"before": before, "most": most})


def _end(
    connection: Connection,
    fetch: Fetch,
    status: FetchStatus,
    now: float,
    *,
    image_id: str | None = None,
    error: str | None = None,
) -> None:
    row = {
        "id": fetch.image_id,
        "lease_id": fetch.lease_id,
        "status": status,
        "now": now,
        "image_id": image_id,
        "error": error,
    }
    if not connection.execute(_END, row):
        raise Conflict("The image is fetched by somebody else by now, or is not wanted any more.")


def _fetch(row: Row) -> Fetch:
    return Fetch(
        image_id=row["id"],
        owner=row["owner"],
        url=row["url"],
        host=row["host"],
        name=row["name"],
        created_at=row["created_at"],
        key_id=row["key_id"],
        stored_bytes=row["stored_bytes"],
        status=FetchStatus(row["status"]),
        lease_id=row["lease_id"],
        taken=row["taken"],
        failures=row["failures"],
        kept_as=row["image_id"],
        error=json.loads(row["error"]) if row["error"] else None,
    )
