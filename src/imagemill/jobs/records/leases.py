"""Leases on what one process of the jobs service does for all of them."""

from __future__ import annotations

from imagemill.database import Connection

_HOLD = """
INSERT INTO leases (name, holder, until) VALUES (:name, :holder, :until)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE leases.holder = excluded.holder OR leases.until <= :now
RETURNING name
"""
_LET_GO = "DELETE FROM leases WHERE name = :name AND holder = :holder"


def hold(connection: Connection, name: str, holder: str, seconds: float) -> bool:
    """Take a lease, or keep it, for so many seconds; False while another holds it."""
    now = connection.now()
    row = {"name": name, "holder": holder, "until": now + seconds, "now": now}
    return bool(connection.execute(_HOLD, row))


def let_go(connection: Connection, name: str, holder: str) -> None:
    """Give a lease back before its end, if it is still this holder's."""
    connection.execute(_LET_GO, {"name": name, "holder": holder})
