"""API keys as clients see them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from imagemill.users.key import Key, time_of


class KeyView(BaseModel):
    """A key, without what makes it one."""

    model_config = ConfigDict(frozen=True)

    key_id: str = Field(description="Names the key.", examples=["3f9c2a17d05b86e4"])
    account: str = Field(description="Whose it is.", examples=["admin"])
    name: str = Field(examples=["website"])
    prefix: str = Field(description="What the key begins with.", examples=["im_5d21c07e"])
    scopes: list[str] = Field(
        description="What it may do; `*` is all that the account may do.", examples=[["jobs:*"]]
    )
    rate_per_minute: int | None = Field(
        description="Requests a minute; null where the server's setting counts.", examples=[600]
    )
    burst: int | None = Field(
        description="Requests at once; null where the server's setting counts.", examples=[50]
    )
    monthly_jobs: int | None = Field(
        description="Jobs in a calendar month, UTC; null for no bound.", examples=[10_000]
    )
    stored_bytes: int | None = Field(
        description="Bytes of the originals that it brought in and that are kept; null for no "
        "bound.",
        examples=[10_000_000_000],
    )
    max_retries: int | None = Field(
        description="Tries after the first for its jobs; null where the server's setting counts.",
        examples=[2],
    )
    timeout_s: float | None = Field(
        description="Seconds for one attempt at its jobs; null where the server's setting counts.",
        examples=[30],
    )
    created_at: datetime
    expires_at: datetime | None = Field(description="When it ends; null for never.")
    last_used_at: datetime | None = Field(
        description="When it was last shown, to about a minute; null before the first time."
    )
    revoked_at: datetime | None = Field(
        description="When it was revoked; null for one that is not."
    )


class KeyMade(KeyView):
    """A key with its secret, which is told this once."""

    key: str | None = Field(
        description="The key itself, shown in this answer only. Null where the answer is given "
        "again under its `Idempotency-Key`: then rotate the key for another one.",
        examples=["im_5d21c07e_wQ0cYxTq7bKx3l1Zl2m0d9o4u8f5s6a7r1t2e3n4i5x"],
    )
    old_until: datetime | None = Field(
        default=None, description="How long the key before opens as well; null where there is none."
    )


class KeyList(BaseModel):
    """Some of the account's keys that are not revoked, the newest first."""

    model_config = ConfigDict(frozen=True)

    keys: list[KeyView]
    next: str | None = Field(description="`cursor` of the next request; null at the end.")


def key_view(key: Key) -> KeyView:
    """Show a key without its secret."""
    return KeyView.model_validate(_shown(key))


def key_made(key: Key, secret: str | None) -> KeyMade:
    """Show a key with its new secret."""
    return KeyMade.model_validate(
        _shown(key) | {"key": secret, "old_until": time_of(key.previous_until)}
    )


def _shown(key: Key) -> dict[str, object]:
    same = ("key_id", "account", "name", "prefix")
    bounds = ("rate_per_minute", "burst", "monthly_jobs", "stored_bytes")
    terms = ("max_retries", "timeout_s")
    times = ("created_at", "expires_at", "last_used_at", "revoked_at")
    return {
        "scopes": sorted(key.scopes),
        **{each: getattr(key, each) for each in (*same, *bounds, *terms)},
        **{each: time_of(getattr(key, each)) for each in times},
    }
