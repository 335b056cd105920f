"""Accounts and keys beside the generated one, written where the users service keeps them."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from contextlib import closing

import httpx2

from tests.acceptance.api import API
from tests.acceptance.system import System


def client_of(system: System, account: str) -> API:
    """Give a client with a new key of an account, which is made where it is new."""
    client = API(system)
    client.headers = httpx2.Headers({"x-api-key": _new_key(system, account)})
    return client


def _new_key(system: System, account: str) -> str:
    key = f"im_{secrets.token_urlsafe(32)}"
    digest = hashlib.sha256(key.encode()).hexdigest()
    path = system.data / "databases" / "users.sqlite"
    with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
        connection.execute(
            "INSERT OR IGNORE INTO accounts (id, created_at) VALUES (?, 0)", (account,)
        )
        connection.execute(
            "INSERT INTO api_keys (id, sha256, account, name, prefix, scopes, created_at)"
            " VALUES (?, ?, ?, 'another', 'im_', '*', 0)",
            (digest[:16], digest, account),
        )
    return key
