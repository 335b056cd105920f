"""The audit log as rows: written once each, never changed, removed by age."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from imagemill.contracts.users import AuditEntry
from imagemill.database import Connection, Row

_ADD = """
INSERT INTO audit (id, at, account, key_id, address, action, subject, request_id)
VALUES (:id, :at, :account, :key_id, :address, :action, :subject, :request_id)
ON CONFLICT (id) DO NOTHING
"""
_LIST = """
SELECT * FROM audit
WHERE (:account = '' OR account = :account)
  AND (:action = '' OR action = :action)
  AND at >= :since AND at < :until
  AND (at, id) < (:before, :before_id)
ORDER BY at DESC, id DESC LIMIT :most
"""
_OF_ACCOUNT = """
SELECT * FROM audit
WHERE (account = :account OR (account = '' AND subject = :account))
  AND (:action = '' OR action = :action)
  AND at >= :since AND at < :until
  AND (at, id) < (:before, :before_id)
ORDER BY at DESC, id DESC LIMIT :most
"""
_FORGET = """
DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < :before ORDER BY at LIMIT :most)
RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries to read; the newest come first."""

    limit: int
    account: str = ""
    """Only what this account did; empty for all."""
    action: str = ""
    """Only this action; empty for all."""
    since: float = 0.0
    """Only from this time on, in seconds since 1970."""
    until: float = float("inf")
    """Only before this time."""
    before: float = float("inf")
    """Only before this time or, of those at it, before `before_id`."""
    before_id: str = ""


def add(connection: Connection, entry: AuditEntry) -> None:
    """Write an entry, in the transaction of what it tells of; one that is there stays as it is."""
    connection.execute(_ADD, entry.model_dump())


def listed(connection: Connection, wanted: Wanted) -> list[AuditEntry]:
    """Read everybody's entries, and one more than asked for if there is."""
    return _read(connection, _LIST, wanted)


def of_account(connection: Connection, wanted: Wanted) -> list[AuditEntry]:
    """Read what an account did, and what strangers did to it, like `listed`."""
    return _read(connection, _OF_ACCOUNT, wanted)


def forget(connection: Connection, before: float, most: int) -> int:
    """Remove the oldest entries before a moment, so many at most; tell how many there were."""
    return len(connection.execute(_FORGET, {"before": before, "most": most}))


def _read(connection: Connection, statement: str, wanted: Wanted) -> list[AuditEntry]:
    row = asdict(wanted) | {"most": wanted.limit + 1}
    return [_entry(each) for each in connection.execute(statement, row)]


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(**{name: row[name] for name in AuditEntry.model_fields})
