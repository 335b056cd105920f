"""What the server answers about API keys and what they used, as frozen models."""

from __future__ import annotations

from datetime import datetime

from imagemill.client.answers import Answer


class Key(Answer):
    """An API key, without what makes it one."""

    key_id: str
    account: str
    name: str
    prefix: str = ""
    """What the key begins with."""
    scopes: tuple[str, ...]
    """What it may do; `*` is all that the account may do."""
    rate_per_minute: int | None = None
    """Requests a minute; None where the server's setting counts, and so for the next."""
    burst: int | None = None
    monthly_jobs: int | None = None
    """Jobs in a calendar month, UTC; None for no bound of its own, and so for the next."""
    stored_bytes: int | None = None
    max_retries: int | None = None
    timeout_s: float | None = None
    created_at: datetime
    expires_at: datetime | None = None
    """When it ends; None for never."""
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class NewKey(Key):
    """A key with its secret, which the server tells this once."""

    key: str | None = None
    """The key itself; None where the request was answered before under its idempotency key."""
    old_until: datetime | None = None
    """How long the secret before opens as well; None where there is none."""


class KeyPage(Answer):
    """Some keys, the newest first."""

    keys: tuple[Key, ...]
    next: str | None = None
    """Where the list goes on; None at its end."""


class Used(Answer):
    """What was used in a month."""

    jobs: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    outputs: int = 0
    pixels_in: int = 0
    pixels_out: int = 0
    bytes_out: int = 0
    cpu_s: float = 0.0
    images: int = 0
    """Originals that came in and were new."""
    bytes_in: int = 0
    stored_images: int = 0
    """Originals that are kept now."""
    stored_bytes: int = 0


class UsedByKey(Used):
    """What one key used in a month."""

    key_id: str | None = None
    """None for people who logged in."""


class Usage(Answer):
    """What an account used in a month, in all and by key."""

    month: str
    total: Used
    keys: tuple[UsedByKey, ...]
