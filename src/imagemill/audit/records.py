"""Entries on their way: statements on the table `audit_out` that each service has of its own."""

from __future__ import annotations

from collections.abc import Sequence

from imagemill.contracts.users import AuditEntry
from imagemill.database import Connection

_PUT = "INSERT INTO audit_out (id, at, body) VALUES (:id, :at, :body)"
_OLDEST = "SELECT body FROM audit_out ORDER BY at, id LIMIT :most"
_DROP = "DELETE FROM audit_out WHERE id = :id"


def put(connection: Connection, entry: AuditEntry) -> None:
    """Keep an entry until the users service has it, in the transaction of what it tells of."""
    row = {"id": entry.id, "at": entry.at, "body": entry.model_dump_json()}
    connection.execute(_PUT, row)


def oldest(connection: Connection, most: int) -> list[AuditEntry]:
    """Read the entries that wait longest."""
    rows = connection.execute(_OLDEST, {"most": most})
    return [AuditEntry.model_validate_json(row["body"]) for row in rows]


def drop(connection: Connection, entries: Sequence[AuditEntry]) -> None:
    """Forget entries that the users service has."""
    connection.execute_many(_DROP, [{"id": each.id} for each in entries])
