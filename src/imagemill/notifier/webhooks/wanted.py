"""Who wants to be told by webhook: subscriptions that match, and URLs that jobs bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imagemill.database import Database
from imagemill.notifier.events import Event
from imagemill.notifier.records import webhooks
from imagemill.notifier.wanted import Target
from imagemill.notifier.webhook import CHANNEL, OF_JOBS, Webhook, host_of


@dataclass(frozen=True, slots=True)
class WebhooksWanted:
    """Webhooks over the notifier's database."""

    database: Database

    async def of(self, events: Sequence[Event]) -> list[Target]:
        """Name each webhook for each event that it wants, and each job's own URL."""
        owners = sorted({each.owner for each in events})
        found = await self.database.read(lambda each: webhooks.enabled(each, owners))
        pairs = [(event, webhook) for event in events for webhook in found]
        subscribed = [_of(*each) for each in pairs if _fits(*each)]
        return subscribed + [_of_job(each, each.webhook_url) for each in events if each.webhook_url]


def _fits(event: Event, webhook: Webhook) -> bool:
    return webhook.owner == event.owner and webhook.wants(event)


def _of(event: Event, webhook: Webhook) -> Target:
    return Target(event, CHANNEL, webhook.id, host_of(webhook.url))


def _of_job(event: Event, url: str) -> Target:
    return Target(event, CHANNEL, OF_JOBS, host_of(url), address=url)
