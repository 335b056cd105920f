"""Webhooks at the server: URLs that are told of events, and the log of what they were told."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote

from imagemill.client.connection import Connection, Request
from imagemill.client.terms import named
from imagemill.client.webhook_answers import (
    Delivery,
    DeliveryDetails,
    DeliveryList,
    NewWebhook,
    Redelivered,
    Secret,
    Webhook,
    WebhookList,
)

OF_JOBS: Final = "jobs"
"""Stands, where a webhook's id stands, for the URLs that jobs bring themselves."""
EVERY: Final = ("*",)
"""All types of events."""
_PATH: Final = "/api/v1/webhooks"
_LONGEST_PAGE: Final = 100


class Webhooks:
    """Keep one caller's webhooks, and look at what was delivered to them."""

    def __init__(self, connection: Connection) -> None:
        """Remember whom to ask."""
        self._connection = connection

    async def add(
        self,
        url: str,
        events: Sequence[str] = EVERY,
        *,
        description: str = "",
        idempotency_key: str | None = None,
    ) -> NewWebhook:
        """Make a webhook; keep its secret, which is not shown again."""
        order = {"url": url, "events": list(events), "description": description}
        request = Request("POST", _PATH, json=order, headers=named(idempotency_key))
        return await self._connection.ask(NewWebhook, request)

    async def list(self, *, limit: int | None = None) -> AsyncGenerator[Webhook, None]:
        """Give your webhooks, the newest first; at most `limit`."""
        left = math.inf if limit is None else limit
        query: dict[str, str] = {}
        while left > 0:
            query["limit"] = str(min(left, _LONGEST_PAGE))
            page = await self._connection.ask(WebhookList, Request("GET", _PATH, query=query))
            for webhook in page.webhooks:
                yield webhook
            if page.next is None:
                return
            left -= len(page.webhooks)
            query["cursor"] = page.next

    async def show(self, webhook_id: str) -> Webhook:
        """Look at a webhook."""
        return await self._connection.ask(Webhook, Request("GET", _path(webhook_id)))

    async def change(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        description: str | None = None,
        enabled: bool | None = None,
    ) -> Webhook:
        """Change a webhook; what is None stays."""
        given = {
            "url": url,
            "events": None if events is None else list(events),
            "description": description,
            "enabled": enabled,
        }
        order = {name: value for name, value in given.items() if value is not None}
        request = Request("PATCH", _path(webhook_id), json=order)
        return await self._connection.ask(Webhook, request)

    async def remove(self, webhook_id: str) -> None:
        """Remove a webhook with its deliveries."""
        await self._connection.send(Request("DELETE", _path(webhook_id)))

    async def rotate_secret(
        self, webhook_id: str = OF_JOBS, *, idempotency_key: str | None = None
    ) -> Secret:
        """Make the next secret of a webhook, or of what jobs bring; both sign for a day."""
        path = f"{_path(webhook_id)}/rotate-secret"
        request = Request("POST", path, headers=named(idempotency_key))
        return await self._connection.ask(Secret, request)

    async def test(self, webhook_id: str, *, idempotency_key: str | None = None) -> Delivery:
        """Send a webhook an event that means nothing; `delivery` tells what came of it."""
        request = Request("POST", f"{_path(webhook_id)}/test", headers=named(idempotency_key))
        return await self._connection.ask(Delivery, request)

    async def deliveries(
        self,
        webhook_id: str = OF_JOBS,
        *,
        status: str = "",
        event: str = "",
        limit: int | None = None,
    ) -> AsyncGenerator[Delivery, None]:
        """Give deliveries, the newest first; at most `limit`.

        `status` is `owed`, `delivered` or `failed`, `event` a type of events; empty for any.
        """
        left = math.inf if limit is None else limit
        path, asked = f"{_path(webhook_id)}/deliveries", {"status": status, "event": event}
        query = {name: value for name, value in asked.items() if value}
        while left > 0:
            query["limit"] = str(min(left, _LONGEST_PAGE))
            page = await self._connection.ask(DeliveryList, Request("GET", path, query=query))
            for delivery in page.deliveries:
                yield delivery
            if page.next is None:
                return
            left -= len(page.deliveries)
            query["cursor"] = page.next

    async def delivery(self, webhook_id: str, delivery_id: str) -> DeliveryDetails:
        """Look at a delivery: what is sent, and every try with its answer."""
        path = f"{_path(webhook_id)}/deliveries/{quote(delivery_id, safe='')}"
        return await self._connection.ask(DeliveryDetails, Request("GET", path))

    async def redeliver(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Have a delivery made again, under the same id."""
        path = f"{_path(webhook_id)}/deliveries/{quote(delivery_id, safe='')}/redeliver"
        return await self._connection.ask(Delivery, Request("POST", path))

    async def redeliver_failed(self, webhook_id: str, *, since: datetime | None = None) -> int:
        """Have all made again that failed, or all since a moment; tell how many there are.

        A moment without a time zone is one of this machine's.
        """
        order = {"status": "failed"}
        if since is not None:
            order["since"] = since.astimezone().isoformat()
        request = Request("POST", f"{_path(webhook_id)}/redeliver", json=order)
        return (await self._connection.ask(Redelivered, request)).redelivered


def _path(webhook_id: str) -> str:
    # What is no id must not become a query or a way up.
    return f"{_PATH}/{quote(webhook_id, safe='')}"
