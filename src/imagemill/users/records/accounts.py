"""Accounts as rows."""

from __future__ import annotations

from typing import Any

from imagemill.contracts.scopes import Role
from imagemill.database import Connection, Row
from imagemill.errors import NotFound
from imagemill.users.account import Account
from imagemill.users.addresses import MailAddress
from imagemill.users.preferences import Preferences

_BY_ID = "SELECT * FROM accounts WHERE id = :id"
_BY_EMAIL = "SELECT * FROM accounts WHERE email_key = :email_key"
_ADD = """
INSERT INTO accounts (id, created_at) VALUES (:id, :now)
"""
_WRITE = """
UPDATE accounts SET role = :role, name = :name, email = :email, email_key = :email_key,
email_confirmed_at = :email_confirmed_at, awaits_confirmation = :awaits_confirmation,
password_hash = :password_hash, disabled_at = :disabled_at, preferences = :preferences
WHERE id = :id
"""
_LIST = """
SELECT * FROM accounts WHERE (created_at, id) > (:after, :after_id)
ORDER BY created_at, id LIMIT :most
"""
_REMOVE = (
    "DELETE FROM sessions WHERE account = :id",
    "DELETE FROM familiar_addresses WHERE account = :id",
    "DELETE FROM mail_tokens WHERE account = :id",
    "DELETE FROM api_keys WHERE account = :id",
    "DELETE FROM idempotency WHERE owner = :id",
    "DELETE FROM accounts WHERE id = :id",
)
_FAMILIAR = "SELECT 1 FROM familiar_addresses WHERE account = :account AND address = :address"
_SEE = """
INSERT INTO familiar_addresses (account, address, seen_at) VALUES (:account, :address, :now)
ON CONFLICT (account, address) DO UPDATE SET seen_at = excluded.seen_at
"""
_FORGET_OLDEST = """
DELETE FROM familiar_addresses WHERE account = :account AND address NOT IN (
    SELECT address FROM familiar_addresses WHERE account = :account
    ORDER BY seen_at DESC LIMIT :most
)
"""


def by_id(connection: Connection, account_id: str) -> Account:
    """Find an account; raises `NotFound`."""
    rows = connection.execute(_BY_ID, {"id": account_id})
    if not rows:
        raise NotFound("There is no such account.")
    return _account(rows[0])


def by_email(connection: Connection, email_key: str) -> Account | None:
    """Find the account of a mail address, whatever its spelling."""
    rows = connection.execute(_BY_EMAIL, {"email_key": email_key})
    return _account(rows[0]) if rows else None


def add(connection: Connection, account: Account) -> None:
    """Keep a new account; no other may have its mail address."""
    connection.execute(_ADD, {"id": account.id, "now": account.created_at})
    write(connection, account)


def write(connection: Connection, account: Account) -> None:
    """Keep all that can change of an account."""
    connection.execute(_WRITE, _row(account))


def listed(connection: Connection, after: tuple[float, str], most: int) -> list[Account]:
    """List accounts in the order in which they were made, from one (by time and id) on."""
    wanted = {"after": after[0], "after_id": after[1], "most": most}
    return [_account(row) for row in connection.execute(_LIST, wanted)]


def remove(connection: Connection, account_id: str) -> None:
    """Forget an account with all that is kept of it here."""
    for statement in _REMOVE:
        connection.execute(statement, {"id": account_id})


def is_familiar(connection: Connection, account_id: str, address: str) -> bool:
    """Tell whether an account's owner logged in from an address before."""
    return bool(connection.execute(_FAMILIAR, {"account": account_id, "address": address}))


def see(connection: Connection, account_id: str, address: str, now: float, most: int) -> None:
    """Remember that an account's owner logged in from an address, of so many at most."""
    connection.execute(_SEE, {"account": account_id, "address": address, "now": now})
    connection.execute(_FORGET_OLDEST, {"account": account_id, "most": most})


def _row(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "role": account.role.value,
        "name": account.name,
        "email": account.email.shown if account.email else None,
        "email_key": account.email.key if account.email else None,
        "email_confirmed_at": account.email_confirmed_at,
        "awaits_confirmation": int(account.awaits_confirmation),
        "password_hash": account.password_hash,
        "disabled_at": account.disabled_at,
        "preferences": account.preferences.model_dump_json(exclude_unset=True),
    }


def _account(row: Row) -> Account:
    return Account(
        id=row["id"],
        created_at=row["created_at"],
        role=Role(row["role"]),
        name=row["name"],
        email=MailAddress(row["email"], row["email_key"]) if row["email"] else None,
        email_confirmed_at=row["email_confirmed_at"],
        awaits_confirmation=bool(row["awaits_confirmation"]),
        password_hash=row["password_hash"],
        disabled_at=row["disabled_at"],
        preferences=Preferences.model_validate_json(row["preferences"]),
    )
