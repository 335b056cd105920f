"""Remembered answers: statements on the table `idempotency` that each service has of its own."""

from __future__ import annotations

from dataclasses import asdict

from imagemill.database import Connection
from imagemill.idempotency import KEPT_S, Remembered, in_progress

_FIND = """
SELECT fingerprint, status, location, body, made, created_at FROM idempotency
WHERE owner = :owner AND key = :key AND created_at > :after
"""
_KEEP = """
INSERT INTO idempotency (owner, key, fingerprint, status, location, body, made, created_at)
VALUES (:owner, :key, :fingerprint, :status, :location, :body, :made, :created_at)
ON CONFLICT (owner, key) DO UPDATE SET
    fingerprint = excluded.fingerprint, status = excluded.status, location = excluded.location,
    body = excluded.body, made = excluded.made, created_at = excluded.created_at
WHERE idempotency.created_at <= :after
RETURNING key
"""
_FORGET = """
DELETE FROM idempotency WHERE (owner, key) IN (
    SELECT owner, key FROM idempotency WHERE created_at <= :before ORDER BY created_at LIMIT :most
)
RETURNING key
"""
_FORGET_OWNER = "DELETE FROM idempotency WHERE owner = :owner"


def find(connection: Connection, owner: str, key: str, after: float) -> Remembered | None:
    """Find the answer that an owner's key got after a moment."""
    rows = connection.execute(_FIND, {"owner": owner, "key": key, "after": after})
    return Remembered(**dict(rows[0])) if rows else None


def keep(connection: Connection, owner: str, key: str, remembered: Remembered) -> None:
    """Remember an answer, in the transaction of what the request made.

    Raises `RequestInProgress`, which undoes the transaction, when another process has remembered
    one under this key; one that is too old to be found is replaced.
    """
    row = asdict(remembered) | {"owner": owner, "key": key}
    if not connection.execute(_KEEP, row | {"after": remembered.created_at - KEPT_S}):
        raise in_progress()


def forget(connection: Connection, before: float, most: int) -> int:
    """Remove the oldest answers up to a moment, so many at most; tell how many there were."""
    return len(connection.execute(_FORGET, {"before": before, "most": most}))


def forget_owner(connection: Connection, owner: str) -> None:
    """Remove every answer that an owner got."""
    connection.execute(_FORGET_OWNER, {"owner": owner})
