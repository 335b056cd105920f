"""Tokens that were sent by mail, as rows: each is there until it was shown or its time is over."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from imagemill.database import Connection, Row

_FORGET_OLD = "DELETE FROM mail_tokens WHERE expires_at <= :now"
_FORGET = "DELETE FROM mail_tokens WHERE account = :account AND purpose = :purpose"
_ADD = """
INSERT INTO mail_tokens (sha256, account, purpose, email, expires_at)
VALUES (:sha256, :account, :purpose, :email, :expires_at)
"""
_FIND = "SELECT * FROM mail_tokens WHERE sha256 = :sha256 AND purpose = :purpose"
_TAKE = """
DELETE FROM mail_tokens WHERE sha256 = :sha256 AND purpose = :purpose
RETURNING *
"""


class Purpose(StrEnum):
    """What a token is for."""

    PASSWORD = "password"  # noqa: S105 - a purpose, not a password
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class MailToken:
    """What was sent, in the form in which it is kept."""

    sha256: str
    account: str
    purpose: Purpose
    email: str
    """Where it was sent."""
    expires_at: float


def add(connection: Connection, token: MailToken) -> None:
    """Keep a token; earlier ones of the account for the same purpose no longer count."""
    forget(connection, token.account, token.purpose)
    connection.execute(_ADD, {**asdict(token), "purpose": token.purpose.value})


def forget(connection: Connection, account: str, purpose: Purpose) -> None:
    """Let an account's tokens for a purpose count no more."""
    connection.execute(_FORGET, {"account": account, "purpose": purpose.value})


def forget_old(connection: Connection, now: float) -> None:
    """Drop tokens whose time is over."""
    connection.execute(_FORGET_OLD, {"now": now})


def find(connection: Connection, sha256: str, purpose: Purpose, now: float) -> MailToken | None:
    """Find a token that still counts, and let it count."""
    return _still(connection.execute(_FIND, {"sha256": sha256, "purpose": purpose.value}), now)


def take(connection: Connection, sha256: str, purpose: Purpose, now: float) -> MailToken | None:
    """Find a token that still counts, and let it count no more."""
    return _still(connection.execute(_TAKE, {"sha256": sha256, "purpose": purpose.value}), now)


def _still(rows: list[Row], now: float) -> MailToken | None:
    if not rows or rows[0]["expires_at"] <= now:
        return None
    return MailToken(**{**rows[0], "purpose": Purpose(rows[0]["purpose"])})
