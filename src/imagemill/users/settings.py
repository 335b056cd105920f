"""Who may make an account, and how long a login holds."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class UsersSettings(BaseModel):
    """Registration, sessions, and what guessing passwords costs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    registration: Literal["closed", "open"] = Field(
        "closed",
        description="Who makes accounts: `closed` admins only, `open` everybody who can reach the "
        "server.",
    )
    access_token_s: int = Field(
        900, ge=60, le=3600, description="Seconds for which an access token holds."
    )
    refresh_token_s: int = Field(
        30 * 86_400,
        ge=3600,
        le=365 * 86_400,
        description="Seconds without a refresh after which a session ends.",
    )
    session_s: int = Field(
        90 * 86_400,
        ge=3600,
        le=365 * 86_400,
        description="Seconds after which a session ends however often it is refreshed.",
    )
    attempts_s: int = Field(
        900, ge=1, le=86_400, description="Seconds in which attempts to log in are counted."
    )
    attempts_per_account: int = Field(
        10,
        ge=0,
        le=10_000,
        description="Attempts for one account in that time, from addresses that never got in; "
        "0 is no limit.",
    )
    attempts_per_address: int = Field(
        30,
        ge=0,
        le=10_000,
        description="Attempts from one address in that time, for any account; 0 is no limit.",
    )
    hashing_threads: int = Field(
        2,
        ge=1,
        le=16,
        description="Passwords that are checked at once; each takes 64 MiB and a tenth of a second "
        "or two.",
    )
    hashing_waiting: int = Field(
        16,
        ge=0,
        le=1000,
        description="Passwords that wait to be checked; one more is answered 503 with "
        "`Retry-After`.",
    )
