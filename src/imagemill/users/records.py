"""The rows of the users service and every statement on them."""

from __future__ import annotations

from imagemill.database import Connection
from imagemill.errors import Unauthenticated

_ADD_ACCOUNT = """
INSERT INTO accounts (id, created_at) VALUES (:id, :now) ON CONFLICT (id) DO NOTHING
"""
_DROP_OTHER_KEYS = "DELETE FROM api_keys WHERE name = :name AND sha256 <> :sha256"
_ADD_KEY = """
INSERT INTO api_keys (sha256, account, name, scopes, created_at)
VALUES (:sha256, :account, :name, :scopes, :now)
ON CONFLICT (sha256) DO NOTHING
"""
_FIND_KEY = "SELECT account, scopes FROM api_keys WHERE sha256 = :sha256"


def ensure_admin(connection: Connection, account: str, sha256: str, now: float) -> None:
    """Make the first account and let exactly this key be its generated one."""
    connection.execute(_ADD_ACCOUNT, {"id": account, "now": now})
    connection.execute(_DROP_OTHER_KEYS, {"name": "admin-key", "sha256": sha256})
    row = {"sha256": sha256, "account": account, "name": "admin-key", "scopes": "*", "now": now}
    connection.execute(_ADD_KEY, row)


def account_of(connection: Connection, sha256: str) -> tuple[str, frozenset[str]]:
    """Find (account, scopes) of a key by its digest; raises `Unauthenticated`."""
    rows = connection.execute(_FIND_KEY, {"sha256": sha256})
    if not rows:
        raise Unauthenticated("The API key is not known. `imagemill key` prints the first one.")
    return str(rows[0]["account"]), frozenset(str(rows[0]["scopes"]).split())
