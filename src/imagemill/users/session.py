"""A session: one login, and the refresh tokens by which it goes on."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

_REFRESH: Final = re.compile(r"^imr_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Session:
    """One login, for as long as it is refreshed."""

    id: str
    """Stands in the access tokens."""
    account: str
    family: str
    """Stands in the refresh tokens; 32 hexadecimal digits."""
    refresh_sha256: str
    """Digest of the one refresh token that counts."""
    created_at: float
    """Seconds since 1970."""
    expires_at: float
    """When it ends unless it is refreshed."""


def refresh_token(family: str, secret: str) -> str:
    """Write a refresh token; `secret` is 32 random bytes in URL-safe Base64."""
    return f"imr_{family}_{secret}"


def family_of(token: str) -> str | None:
    """Read which session a refresh token is of; None for what is none."""
    found = _REFRESH.match(token)
    return found[1] if found else None


def digest_of(token: str) -> str:
    """Give the form in which a token of 256 random bits is kept: its SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()
