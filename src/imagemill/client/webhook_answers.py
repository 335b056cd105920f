"""What the server answers about webhooks, as frozen models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from imagemill.client.answers import Answer


class Webhook(Answer):
    """A URL that is told of events."""

    webhook_id: str
    url: str
    events: tuple[str, ...]
    """Types that it is told of; `*` is every type."""
    description: str
    enabled: bool
    disabled_reason: str | None = None
    """Why the server disabled it; None where it did not."""
    failing_since: datetime | None = None
    """Since when every try has failed; None while all is well."""
    created_at: datetime


class NewWebhook(Webhook):
    """A webhook that was just made."""

    secret: str
    """What signs its deliveries; it is not shown again."""


class WebhookList(Answer):
    """Some of the caller's webhooks, the newest first."""

    webhooks: tuple[Webhook, ...]
    next: str | None = None
    """Where the list goes on; None at its end."""


class Secret(Answer):
    """A secret that was just made; it is not shown again."""

    secret: str
    old_secret_until: datetime | None = None
    """Until when the one before signs as well; None where there was none."""


class Delivery(Answer):
    """An event that is owed to a webhook, or was."""

    delivery_id: str
    """The `webhook-id` of every try at it."""
    event_id: str
    event: str
    """Type of the event."""
    status: str
    """`owed`, `delivered` or `failed`."""
    tries: int
    reason: str | None = None
    """Why the last try failed; None where it did not."""
    next_try_at: datetime | None = None
    """None at its end."""
    created_at: datetime
    ended_at: datetime | None = None


class DeliveryAttempt(Answer):
    """One try at a delivery."""

    number: int
    at: datetime
    outcome: str
    """`delivered`, `again` or `never`."""
    reason: str | None = None
    status: int | None = None
    """HTTP status of the answer; None where none came."""
    milliseconds: float
    answer: str
    """The beginning of the answer's body."""


class DeliveryDetails(Delivery):
    """A delivery with what is sent, and every try at it."""

    payload: Mapping[str, Any]
    attempts: tuple[DeliveryAttempt, ...]


class DeliveryList(Answer):
    """Some deliveries, the newest first."""

    deliveries: tuple[Delivery, ...]
    next: str | None = None
    """Where the list goes on; None at its end."""


class Redelivered(Answer):
    """How many deliveries are owed again."""

    redelivered: int
