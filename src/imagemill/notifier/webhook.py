"""A webhook and its secret as they are kept, and what they decide."""

from __future__ import annotations

import base64
import secrets as randomness
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from standardwebhooks import Webhook as Signature

from imagemill.notifier.events import Event

CHANNEL: Final = "webhook"
"""Name of the channel."""
OF_JOBS: Final = "jobs"
"""Stands, where a webhook's id stands, for the URLs that jobs bring: none of them has an id."""
EVERY: Final = "*"
"""Stands for every type of event, those of later versions too."""
PING: Final = "webhook.ping"
"""Type of the event that a test sends."""
OVERLAP_S: Final = 24 * 3600.0
"""How long the secret before signs as well."""
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Webhook:
    """A URL that is told of its owner's events."""

    id: str
    owner: str
    url: str
    events: tuple[str, ...]
    """Types that it wants, or `EVERY`."""
    description: str
    is_enabled: bool
    disabled_reason: str | None
    """Why Imagemill disabled it; None where it did not."""
    failing_since: float | None
    """When the first of the tries was that have all failed since; None while all is well."""
    created_at: float

    def wants(self, event: Event) -> bool:
        """Tell whether it is to be told of an event of its owner."""
        return self.is_enabled and (EVERY in self.events or event.type in self.events)


@dataclass(frozen=True, slots=True)
class Secret:
    """What signs deliveries, and what did before it."""

    secret: str
    made_at: float
    old_secret: str | None = None
    old_until: float | None = None

    def valid(self, now: float) -> tuple[str, ...]:
        """Give what a delivery is signed with at a moment, the newest first."""
        if self.old_secret is None or self.old_until is None or self.old_until <= now:
            return (self.secret,)
        return (self.secret, self.old_secret)

    def followed_by(self, secret: str, now: float) -> Secret:
        """Make the secret that takes this one's place; both sign for a day."""
        return Secret(secret, now, self.secret, now + OVERLAP_S)


def new_secret() -> str:
    """Make a secret that nobody can guess, in the form of Standard Webhooks."""
    key = base64.b64encode(randomness.token_bytes(_SECRET_BYTES)).decode()
    return f"whsec_{key}"


def headers_of(delivery_id: str, body: str, valid: tuple[str, ...], now: float) -> dict[str, str]:
    """Sign a delivery; the timestamp is that of the try, so that a receiver can refuse old ones.

    Source: https://www.standardwebhooks.com
    """
    at = datetime.fromtimestamp(int(now), UTC)
    signatures = [Signature(each).sign(delivery_id, at, body) for each in valid]
    return {
        "content-type": "application/json",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": " ".join(signatures),
    }


def host_of(url: str) -> str:
    """Tell the host and port of a URL that was found to be one."""
    return urlsplit(url).netloc.lower()
