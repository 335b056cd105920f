"""Webhooks and deliveries as clients see them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from imagemill.notifier.channels import Kind
from imagemill.notifier.delivery import Attempt, Delivery, DeliveryStatus
from imagemill.notifier.webhook import Secret, Webhook

_WEBHOOK_ID = "5f0f9c2e-6a3b-4f0e-9a54-7b6d3d0a1c11"
_DELIVERY_ID = "msg_0d9a6f3b2c1e4f5a8b7c6d5e4f3a2b1c"


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class WebhookView(_View):
    """A URL that is told of events."""

    webhook_id: str = Field(examples=[_WEBHOOK_ID])
    url: str = Field(examples=["https://example.com/hooks/imagemill"])
    events: list[str] = Field(description="Types that it is told of; `*` is every type.")
    description: str
    enabled: bool
    disabled_reason: str | None = Field(
        description="Why Imagemill disabled it: 410, or no good answer for days; else null."
    )
    failing_since: datetime | None = Field(
        description="Since when every try has failed; null while all is well."
    )
    created_at: datetime


class NewWebhook(WebhookView):
    """A webhook that was just made, with its secret, which is shown this once."""

    secret: str = Field(description="What signs its deliveries; keep it, it is not shown again.")


class WebhookList(_View):
    """Some of the caller's webhooks, the newest first."""

    webhooks: list[WebhookView]
    next: str | None = Field(description="`cursor` of the next request; null at the end.")


class SecretView(_View):
    """A secret that was just made, which is shown this once."""

    secret: str = Field(description="What signs from now on; keep it, it is not shown again.")
    old_secret_until: datetime | None = Field(
        description="Until when the secret before signs as well; null where there was none."
    )


class DeliveryView(_View):
    """An event that is owed to a webhook, or was."""

    delivery_id: str = Field(
        description="The `webhook-id` of every try at it.", examples=[_DELIVERY_ID]
    )
    event_id: str = Field(examples=["evt_jobs_17_19a4c2f1b3e"])
    event: str = Field(description="Type of the event.", examples=["job.completed"])
    status: DeliveryStatus = Field(
        description="`owed` while it is tried, then `delivered`, or `failed` when its tries are "
        "used up or trying is of no use."
    )
    tries: int = Field(description="How often it was tried since it is owed.")
    reason: str | None = Field(description="Why the last try failed; null where it did not.")
    next_try_at: datetime | None = Field(description="When it is tried next; null at its end.")
    created_at: datetime
    ended_at: datetime | None


class TryView(_View):
    """One try at a delivery."""

    number: int
    at: datetime
    outcome: Kind = Field(description="`delivered`, `again` or `never`.")
    reason: str | None
    status: int | None = Field(description="HTTP status of the answer; null where none came.")
    milliseconds: float
    answer: str = Field(description="The first 1,024 characters of the answer's body.")


class DeliveryDetails(DeliveryView):
    """A delivery with what is sent, and every try at it."""

    payload: dict[str, Any] = Field(description="The body of the request.")
    attempts: list[TryView]


class DeliveryList(_View):
    """Some deliveries, the newest first."""

    deliveries: list[DeliveryView]
    next: str | None = Field(description="`cursor` of the next request; null at the end.")


class Redelivered(_View):
    """How many deliveries are owed again."""

    redelivered: int


def webhook_view(webhook: Webhook) -> WebhookView:
    """Show a webhook to its owner."""
    return WebhookView(
        webhook_id=webhook.id,
        url=webhook.url,
        events=list(webhook.events),
        description=webhook.description,
        enabled=webhook.is_enabled,
        disabled_reason=webhook.disabled_reason,
        failing_since=_maybe(webhook.failing_since),
        created_at=_time(webhook.created_at),
    )


def new_webhook(webhook: Webhook, secret: Secret) -> NewWebhook:
    """Show a webhook that was just made."""
    return NewWebhook(**webhook_view(webhook).model_dump(), secret=secret.secret)


def secret_view(secret: Secret) -> SecretView:
    """Show a secret that was just made."""
    return SecretView(secret=secret.secret, old_secret_until=_maybe(secret.old_until))


def delivery_view(delivery: Delivery) -> DeliveryView:
    """Show a delivery to its owner."""
    is_owed = delivery.status is DeliveryStatus.OWED
    return DeliveryView(
        delivery_id=delivery.id,
        event_id=delivery.event_id,
        event=delivery.event_type,
        status=delivery.status,
        tries=delivery.tries,
        reason=delivery.reason or None,
        next_try_at=_time(delivery.due_at) if is_owed else None,
        created_at=_time(delivery.created_at),
        ended_at=_maybe(delivery.ended_at),
    )


def delivery_details(delivery: Delivery, attempts: Sequence[Attempt]) -> DeliveryDetails:
    """Show a delivery with its tries."""
    return DeliveryDetails(
        **delivery_view(delivery).model_dump(),
        payload=json.loads(delivery.body),
        attempts=[_try_view(each) for each in attempts],
    )


def _try_view(attempt: Attempt) -> TryView:
    return TryView(
        number=attempt.number,
        at=_time(attempt.at),
        outcome=Kind(attempt.outcome),
        reason=attempt.reason or None,
        status=attempt.status,
        milliseconds=attempt.milliseconds,
        answer=attempt.answer,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _maybe(seconds: float | None) -> datetime | None:
    return None if seconds is None else _time(seconds)
