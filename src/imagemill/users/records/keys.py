"""API keys, and the account that the first start makes, as rows."""

from __future__ import annotations

import hmac
from dataclasses import asdict

from imagemill.contracts.scopes import Role
from imagemill.database import Connection, Row
from imagemill.errors import NotFound, Unauthenticated
from imagemill.users.key import Key

_ADD_ACCOUNT = """
INSERT INTO accounts (id, created_at, role) VALUES (:id, :now, 'admin')
ON CONFLICT (id) DO NOTHING
"""
_DROP_OTHER_KEYS = "DELETE FROM api_keys WHERE is_generated = 1 AND sha256 <> :sha256"
_ADD_GENERATED = """
INSERT INTO api_keys (id, account, name, prefix, sha256, scopes, is_generated, created_at)
VALUES (:id, :account, 'admin-key', 'im_', :sha256, '*', 1, :now)
ON CONFLICT (sha256) DO NOTHING
"""
_ADD = """
INSERT INTO api_keys (id, account, name, prefix, sha256, scopes, created_at, expires_at,
                      rate_per_minute, burst, monthly_jobs, stored_bytes, max_retries, timeout_s)
VALUES (:key_id, :account, :name, :prefix, :sha256, :scopes, :created_at, :expires_at,
        :rate_per_minute, :burst, :monthly_jobs, :stored_bytes, :max_retries, :timeout_s)
"""
_FIND = """
SELECT k.*, a.role FROM api_keys k JOIN accounts a ON a.id = k.account
WHERE (k.sha256 = :sha256 OR (k.previous_sha256 = :sha256 AND k.previous_until > :now))
  AND a.disabled_at IS NULL
"""
_KEY_OF_ACCOUNT = """
SELECT k.*, a.role FROM api_keys k JOIN accounts a ON a.id = k.account
WHERE k.account = :account AND k.id = :key_id
"""
_LIST = """
SELECT k.*, a.role FROM api_keys k JOIN accounts a ON a.id = k.account
WHERE k.account = :account AND k.revoked_at IS NULL
  AND (k.created_at, k.id) < (:before, :before_id)
ORDER BY k.created_at DESC, k.id DESC LIMIT :most
"""
_COUNT = "SELECT count(*) AS keys FROM api_keys WHERE account = :account AND revoked_at IS NULL"
_ROLE = "SELECT role FROM accounts WHERE id = :account"
_WRITE = """
UPDATE api_keys SET name = :name, prefix = :prefix, sha256 = :sha256, scopes = :scopes,
       previous_sha256 = :previous_sha256, previous_until = :previous_until,
       expires_at = :expires_at, revoked_at = :revoked_at, rate_per_minute = :rate_per_minute,
       burst = :burst, monthly_jobs = :monthly_jobs, stored_bytes = :stored_bytes,
       max_retries = :max_retries, timeout_s = :timeout_s
WHERE id = :key_id
"""
_USED = """
UPDATE api_keys SET last_used_at = :now WHERE id = :key_id AND coalesce(last_used_at, 0) < :before
"""
_FORGET = """
DELETE FROM api_keys WHERE id IN (
    SELECT id FROM api_keys WHERE revoked_at < :before ORDER BY revoked_at LIMIT :most
)
"""
_ID_LENGTH = 16
"""Hexadecimal digits of the generated key's digest that name it: 64 bits, of 256 random ones."""


def ensure_admin(connection: Connection, account: str, sha256: str, now: float) -> None:
    """Make the first account and let exactly this key be its generated one."""
    connection.execute(_ADD_ACCOUNT, {"id": account, "now": now})
    connection.execute(_DROP_OTHER_KEYS, {"sha256": sha256})
    row = {"id": sha256[:_ID_LENGTH], "sha256": sha256, "account": account, "now": now}
    connection.execute(_ADD_GENERATED, row)


def find(connection: Connection, sha256: str, now: float) -> Key:
    """Find the key that a secret opens at a moment, by the secret's digest.

    Raises `Unauthenticated`, in the same words for a key that never was, ended, was revoked, or
    whose account is gone or disabled.
    """
    for key in map(_key, connection.execute(_FIND, {"sha256": sha256, "now": now})):
        is_shown = any(hmac.compare_digest(sha256, each) for each in key.digests)
        if is_shown and key.is_live(now):
            return key
    raise _not_known()


def require_live(connection: Connection, account: str, key_id: str, now: float) -> None:
    """Raise `Unauthenticated`, as `find` does, unless an account's key opens anything now."""
    rows = connection.execute(_KEY_OF_ACCOUNT, {"account": account, "key_id": key_id})
    if not any(_key(each).is_live(now) for each in rows):
        raise _not_known()


def key_of(connection: Connection, account: str, key_id: str) -> Key:
    """Find one of an account's keys by its id, a revoked one too; raises `NotFound`."""
    rows = connection.execute(_KEY_OF_ACCOUNT, {"account": account, "key_id": key_id})
    if not rows:
        raise NotFound("There is no such key.")
    return _key(rows[0])


def listed(
    connection: Connection, account: str, before: float, before_id: str, most: int
) -> list[Key]:
    """Read an account's keys that are not revoked, the newest first, from one on."""
    row = {"account": account, "before": before, "before_id": before_id, "most": most}
    return [_key(each) for each in connection.execute(_LIST, row)]


def count(connection: Connection, account: str) -> int:
    """Count an account's keys that are not revoked."""
    return int(connection.execute(_COUNT, {"account": account})[0]["keys"])


def role_of(connection: Connection, account: str) -> Role:
    """Tell an account's role; raises `NotFound`."""
    rows = connection.execute(_ROLE, {"account": account})
    if not rows:
        raise NotFound("There is no such account.")
    return Role(rows[0]["role"])


def add(connection: Connection, key: Key) -> None:
    """Keep a new key."""
    connection.execute(_ADD, _row(key))


def write(connection: Connection, key: Key) -> None:
    """Keep what a key is now."""
    connection.execute(_WRITE, _row(key))


def used(connection: Connection, key_id: str, now: float, every_s: float) -> None:
    """Note that a key is used, unless that was noted just before."""
    row = {"key_id": key_id, "now": now, "before": now - every_s}
    connection.execute(_USED, row)


def forget(connection: Connection, before: float, most: int) -> None:
    """Remove keys that were revoked before a moment."""
    connection.execute(_FORGET, {"before": before, "most": most})


def _not_known() -> Unauthenticated:
    return Unauthenticated(
        "The API key is not known, or opens nothing any more. `imagemill key` prints the first one."
    )


def _row(key: Key) -> dict[str, object]:
    return asdict(key) | {"scopes": " ".join(sorted(key.scopes)), "role": str(key.role)}


def _key(row: Row) -> Key:
    plain = ("account", "name", "prefix", "sha256", "previous_sha256", "previous_until")
    times = ("created_at", "expires_at", "last_used_at", "revoked_at")
    bounds = ("rate_per_minute", "burst", "monthly_jobs", "stored_bytes")
    terms = ("max_retries", "timeout_s")
    return Key(
        key_id=row["id"],
        scopes=frozenset(str(row["scopes"]).split()),
        role=Role(row["role"]),
        is_generated=bool(row["is_generated"]),
        **{each: row[each] for each in (*plain, *times, *bounds, *terms)},
    )
