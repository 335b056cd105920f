"""Webhooks for programs without an event loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from imagemill.client.loop import Loop
from imagemill.client.webhook_answers import (
    Delivery,
    DeliveryDetails,
    NewWebhook,
    Secret,
    Webhook,
)
from imagemill.client.webhooks import EVERY, OF_JOBS, Webhooks


class BlockingWebhooks:
    """Keep webhooks and look at deliveries, as `Webhooks` does, without `await`."""

    def __init__(self, loop: Loop, webhooks: Webhooks) -> None:
        """Remember whom to ask."""
        self._loop = loop
        self._webhooks = webhooks

    def add(
        self,
        url: str,
        events: Sequence[str] = EVERY,
        *,
        description: str = "",
        idempotency_key: str | None = None,
    ) -> NewWebhook:
        """Make a webhook; keep its secret, which is not shown again."""
        return self._loop.run(
            self._webhooks.add(
                url, events, description=description, idempotency_key=idempotency_key
            )
        )

    def list(self, *, limit: int | None = None) -> Iterator[Webhook]:
        """Give your webhooks, the newest first; at most `limit`."""
        return self._loop.each(self._webhooks.list(limit=limit))

    def show(self, webhook_id: str) -> Webhook:
        """Look at a webhook."""
        return self._loop.run(self._webhooks.show(webhook_id))

    def change(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        description: str | None = None,
        enabled: bool | None = None,
    ) -> Webhook:
        """Change a webhook; what is None stays."""
        return self._loop.run(
            self._webhooks.change(
                webhook_id, url=url, events=events, description=description, enabled=enabled
            )
        )

    def remove(self, webhook_id: str) -> None:
        """Remove a webhook with its deliveries."""
        self._loop.run(self._webhooks.remove(webhook_id))

    def rotate_secret(
        self, webhook_id: str = OF_JOBS, *, idempotency_key: str | None = None
    ) -> Secret:
        """Make the next secret of a webhook, or of what jobs bring; both sign for a day."""
        return self._loop.run(
            self._webhooks.rotate_secret(webhook_id, idempotency_key=idempotency_key)
        )

    def test(self, webhook_id: str, *, idempotency_key: str | None = None) -> Delivery:
        """Send a webhook an event that means nothing; `delivery` tells what came of it."""
        return self._loop.run(self._webhooks.test(webhook_id, idempotency_key=idempotency_key))

    def deliveries(
        self,
        webhook_id: str = OF_JOBS,
        *,
        status: str = "",
        event: str = "",
        limit: int | None = None,
    ) -> Iterator[Delivery]:
        """Give deliveries, the newest first, as `Webhooks.deliveries` does."""
        return self._loop.each(
            self._webhooks.deliveries(webhook_id, status=status, event=event, limit=limit)
        )

    def delivery(self, webhook_id: str, delivery_id: str) -> DeliveryDetails:
        """Look at a delivery: what is sent, and every try with its answer."""
        return self._loop.run(self._webhooks.delivery(webhook_id, delivery_id))

    def redeliver(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Have a delivery made again, under the same id."""
        return self._loop.run(self._webhooks.redeliver(webhook_id, delivery_id))

    def redeliver_failed(self, webhook_id: str, *, since: datetime | None = None) -> int:
        """Have all made again that failed, as `Webhooks.redeliver_failed` does."""
        return self._loop.run(self._webhooks.redeliver_failed(webhook_id, since=since))
