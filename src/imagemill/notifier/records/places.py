"""How far each log of events was heard."""

from __future__ import annotations

from imagemill.database import Connection

_PLACE = "SELECT after FROM places WHERE log = :log"
_BEGIN = "INSERT INTO places (log, after) VALUES (:log, 0) ON CONFLICT (log) DO NOTHING"
_BEGIN_AT = """
INSERT INTO places (log, after) SELECT :log, after FROM places WHERE log = :other
ON CONFLICT (log) DO NOTHING
"""
_MOVE = """
UPDATE places SET after = :last WHERE log = :log AND after = :after RETURNING log
"""


def place(connection: Connection, log: str) -> int:
    """Tell the last event of a log that was heard; 0 before the first."""
    rows = connection.execute(_PLACE, {"log": log})
    return int(rows[0]["after"]) if rows else 0


def begin(connection: Connection, log: str, other: str) -> None:
    """Begin, where there is no place yet, at the place of another log; at 0 without that."""
    connection.execute(_BEGIN_AT, {"log": log, "other": other})


def move(connection: Connection, log: str, after: int, last: int) -> bool:
    """Move a place on; False, and nothing moves, when another process has moved it."""
    connection.execute(_BEGIN, {"log": log})
    return bool(connection.execute(_MOVE, {"log": log, "after": after, "last": last}))
