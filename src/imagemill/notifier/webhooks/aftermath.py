"""What the end of a try means for the webhook that it was for."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Final

from imagemill.database import Connection
from imagemill.notifier.channels import Kind, Outcome
from imagemill.notifier.delivery import Delivery
from imagemill.notifier.records import logbook
from imagemill.notifier.records import webhooks as records
from imagemill.notifier.webhook import CHANNEL, Webhook

GONE: Final = "The receiver answered 410 Gone, which means that it wants no more."


def judged(webhook: Webhook, outcome: Outcome, now: float, disable_after_s: float) -> Webhook:
    """Tell what a webhook is after a try: well, failing, or disabled with the reason."""
    if outcome.kind is Kind.DELIVERED:
        return replace(webhook, failing_since=None)
    if outcome.status == HTTPStatus.GONE:
        return replace(webhook, is_enabled=False, disabled_reason=GONE)
    since = now if webhook.failing_since is None else webhook.failing_since
    failing = replace(webhook, failing_since=since)
    if now - since < disable_after_s:
        return failing
    days = f"{disable_after_s / 86400:.1f}".removesuffix(".0")
    reason = f"No delivery went well for {days} days; the last one: {outcome.reason}"
    return replace(failing, is_enabled=False, disabled_reason=reason)


def aftermath(
    connection: Connection, delivery: Delivery, outcome: Outcome, disable_after_s: float
) -> None:
    """Write down what a try means for its webhook; what is owed to a disabled one has failed."""
    if delivery.channel != CHANNEL:
        return
    webhook = records.find(connection, delivery.owner, delivery.target)
    if webhook is None or not webhook.is_enabled:
        return
    after = judged(webhook, outcome, connection.now(), disable_after_s)
    if after == webhook:
        return
    records.change(connection, after)
    if not after.is_enabled:
        logbook.fail_owed(connection, webhook.owner, webhook.id, "The webhook was disabled.")
