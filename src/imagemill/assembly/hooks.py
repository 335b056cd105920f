"""How programs are told: webhooks, their way out, and what the notifier does with them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI

from imagemill.database import Database
from imagemill.egress.client import Egress
from imagemill.notifier.channels import Channel
from imagemill.notifier.channels.webhook import WebhookChannel
from imagemill.notifier.sender import Aftermath
from imagemill.notifier.wanted import Wanted
from imagemill.notifier.webhook import CHANNEL, new_secret
from imagemill.notifier.webhooks.aftermath import aftermath
from imagemill.notifier.webhooks.routes import add_webhooks
from imagemill.notifier.webhooks.service import Webhooks
from imagemill.notifier.webhooks.wanted import WebhooksWanted
from imagemill.settings import Settings


@dataclass(frozen=True, slots=True)
class Hooks:
    """The channel to programs of one notifier."""

    wanted: Wanted
    channels: dict[str, Channel]
    aftermath: Aftermath
    webhooks: Webhooks

    def answer(self, app: FastAPI) -> None:
        """Let the notifier's app answer what is asked about webhooks."""
        add_webhooks(app, self.webhooks)


def hooks_of(settings: Settings, database: Database, bell: asyncio.Event) -> Hooks:
    """Put together what tells programs; `bell` is rung when something is owed."""
    egress, mine = Egress(settings.egress.rules), settings.notifier
    channel = WebhookChannel(database, egress, mine.webhook_timeout_s, time.time, new_secret)
    return Hooks(
        wanted=WebhooksWanted(database),
        channels={CHANNEL: channel},
        aftermath=partial(aftermath, disable_after_s=mine.disable_after_s),
        webhooks=Webhooks(database, egress.check, bell, mine.webhooks_per_owner),
    )
