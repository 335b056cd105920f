"""API keys, and the account that the first start makes, as rows."""

from __future__ import annotations

from imagemill.database import Connection, Row
from imagemill.errors import NotFound, Unauthenticated
from imagemill.users.key import KEY_ID_LENGTH, Key

_ADD_ACCOUNT = """
INSERT INTO accounts (id, created_at) VALUES (:id, :now) ON CONFLICT (id) DO NOTHING
"""
_DROP_OTHER_KEYS = "DELETE FROM api_keys WHERE name = :name AND sha256 <> :sha256"
_ADD_KEY = """
INSERT INTO api_keys (sha256, account, name, scopes, created_at)
VALUES (:sha256, :account, :name, :scopes, :now)
ON CONFLICT (sha256) DO NOTHING
"""
_FIND_KEY = "SELECT * FROM api_keys WHERE sha256 = :sha256"
_KEY_OF_ACCOUNT = """
SELECT * FROM api_keys WHERE account = :account AND substr(sha256, 1, :length) = :key_id
"""
_SET = """
UPDATE api_keys SET max_retries = :max_retries, timeout_s = :timeout_s WHERE sha256 = :sha256
"""


def ensure_admin(connection: Connection, account: str, sha256: str, now: float) -> None:
    """Make the first account and let exactly this key be its generated one."""
    connection.execute(_ADD_ACCOUNT, {"id": account, "now": now})
    connection.execute(_DROP_OTHER_KEYS, {"name": "admin-key", "sha256": sha256})
    row = {"sha256": sha256, "account": account, "name": "admin-key", "scopes": "*", "now": now}
    connection.execute(_ADD_KEY, row)


def find(connection: Connection, sha256: str) -> Key:
    """Find a key by its digest; raises `Unauthenticated`."""
    rows = connection.execute(_FIND_KEY, {"sha256": sha256})
    if not rows:
        raise Unauthenticated("The API key is not known. `imagemill key` prints the first one.")
    return _key(rows[0])


def key_of(connection: Connection, account: str, key_id: str) -> Key:
    """Find one of an account's keys by its id; raises `NotFound`."""
    row = {"account": account, "key_id": key_id, "length": KEY_ID_LENGTH}
    rows = connection.execute(_KEY_OF_ACCOUNT, row)
    if not rows:
        raise NotFound("There is no such key any more.")
    return _key(rows[0])


def write(connection: Connection, key: Key) -> None:
    """Keep what is set for a key."""
    row = {
        "sha256": key.sha256,
        "max_retries": key.max_retries,
        "timeout_s": key.timeout_s,
    }
    connection.execute(_SET, row)


def _key(row: Row) -> Key:
    return Key(
        sha256=row["sha256"],
        account=row["account"],
        name=row["name"],
        scopes=frozenset(str(row["scopes"]).split()),
        created_at=row["created_at"],
        max_retries=row["max_retries"],
        timeout_s=row["timeout_s"],
    )
