"""The rows of the notifier and every statement on them."""

from __future__ import annotations

from imagemill.database import Connection

_PLACE = "SELECT after FROM places WHERE log = :log"
_KEEP = """
INSERT INTO places (log, after) VALUES (:log, :after)
ON CONFLICT (log) DO UPDATE SET after = excluded.after
"""


def place(connection: Connection, log: str) -> int:
    """Tell the last event of a log that was heard; 0 before the first."""
    rows = connection.execute(_PLACE, {"log": log})
    return int(rows[0]["after"]) if rows else 0


def keep_place(connection: Connection, log: str, after: int) -> None:
    """Remember the last event of a log that was heard."""
    connection.execute(_KEEP, {"log": log, "after": after})
