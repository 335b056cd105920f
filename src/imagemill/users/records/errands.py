"""What other services are to be told, as rows: each is there until it was heard."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict

from imagemill.database import Connection
from imagemill.users.errand import Errand

_ADD = """
INSERT INTO errands (id, peer, kind, body, due_at, tries, expires_at)
VALUES (:id, :peer, :kind, :body, :due_at, 0, :expires_at)
"""
_DUE = "SELECT * FROM errands WHERE peer = :peer AND due_at <= :now ORDER BY due_at LIMIT :most"
_LATER = "UPDATE errands SET due_at = :due_at, tries = tries + 1 WHERE id = :id"
_DONE = "DELETE FROM errands WHERE id = :id"
_DROP_OLD = "DELETE FROM errands WHERE expires_at <= :now"


def add(connection: Connection, errand: Errand) -> None:
    """Keep something to be told."""
    connection.execute(_ADD, asdict(errand))
    connection.tell("errands")


def due(connection: Connection, peers: Collection[str], now: float, most: int) -> list[Errand]:
    """List what these services are to be told now, so many for each."""
    wanted = ({"peer": peer, "now": now, "most": most} for peer in peers)
    return [Errand(**row) for each in wanted for row in connection.execute(_DUE, each)]


def later(connection: Connection, errand_id: str, due_at: float) -> None:
    """Count a try in vain, and try again at a time."""
    connection.execute(_LATER, {"id": errand_id, "due_at": due_at})


def done(connection: Connection, errand_id: str) -> None:
    """Forget what was heard."""
    connection.execute(_DONE, {"id": errand_id})


def drop_old(connection: Connection, now: float) -> None:
    """Forget what is of no use any more."""
    connection.execute(_DROP_OLD, {"now": now})
