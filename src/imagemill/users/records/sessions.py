"""Sessions as rows: a session that ended has none."""

from __future__ import annotations

from dataclasses import asdict

from imagemill.database import Connection, Row
from imagemill.users.session import Session

_ADD = """
INSERT INTO sessions (id, account, family, refresh_sha256, created_at, expires_at)
VALUES (:id, :account, :family, :refresh_sha256, :created_at, :expires_at)
"""
_BY_ID = "SELECT * FROM sessions WHERE id = :id"
_BY_FAMILY = "SELECT * FROM sessions WHERE family = :family"
_GO_ON = """
UPDATE sessions SET refresh_sha256 = :new, expires_at = :expires_at
WHERE id = :id AND refresh_sha256 = :old
RETURNING id
"""
_END = "DELETE FROM sessions WHERE id = :id"
_END_OTHERS = "DELETE FROM sessions WHERE account = :account AND id <> :but"
_END_OLD = "DELETE FROM sessions WHERE expires_at <= :now"
_END_OLDEST = """
DELETE FROM sessions WHERE account = :account AND id NOT IN (
    SELECT id FROM sessions WHERE account = :account ORDER BY created_at DESC, id LIMIT :most
)
"""


def add(connection: Connection, session: Session, most: int) -> None:
    """Keep a new session; an account's oldest end where it has more than so many."""
    connection.execute(_END_OLD, {"now": session.created_at})
    connection.execute(_ADD, asdict(session))
    connection.execute(_END_OLDEST, {"account": session.account, "most": most})


def by_id(connection: Connection, session_id: str) -> Session | None:
    """Find a session that has not ended."""
    return _found(connection.execute(_BY_ID, {"id": session_id}))


def by_family(connection: Connection, family: str) -> Session | None:
    """Find the session that a refresh token is of, whether it counts or was used before."""
    return _found(connection.execute(_BY_FAMILY, {"family": family}))


def go_on(connection: Connection, session: Session, old: str, new: str, until: float) -> bool:
    """Put a refresh token's digest in the place of another; False where that does not count."""
    row = {"id": session.id, "old": old, "new": new, "expires_at": until}
    return bool(connection.execute(_GO_ON, row))


def end(connection: Connection, session_id: str) -> None:
    """End a session."""
    connection.execute(_END, {"id": session_id})


def end_all(connection: Connection, account: str, *, but: str | None = None) -> None:
    """End an account's sessions, all or all but one."""
    connection.execute(_END_OTHERS, {"account": account, "but": but or ""})


def _found(rows: list[Row]) -> Session | None:
    return Session(**dict(rows[0])) if rows else None
