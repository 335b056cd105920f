"""Webhooks over a database: made, changed, tried out, and delivered to again."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from imagemill.database import Connection, Database
from imagemill.errors import Conflict, FieldError, TooMany, UrlNotAllowed
from imagemill.notifier.delivery import Attempt, Delivery, delivery_id, lane_of
from imagemill.notifier.events import Event, body_of
from imagemill.notifier.records import deliveries, logbook, webhooks
from imagemill.notifier.records.deliveries import Owed
from imagemill.notifier.records.logbook import Listing
from imagemill.notifier.webhook import (
    CHANNEL,
    OF_JOBS,
    PING,
    Secret,
    Webhook,
    host_of,
    new_secret,
)
from imagemill.notifier.webhooks.request import WebhookChange, WebhookRequest

_AT_ONCE: Final = 1000
"""Deliveries that are owed again, or removed, in one transaction."""

Check = Callable[[str], None]
"""Raises `UrlNotAllowed` for a URL to which nothing can be sent."""


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Webhooks of all owners; every question names the owner whose they are."""

    database: Database
    check: Check
    bell: asyncio.Event
    """Rung when something is owed."""
    most: int
    """Webhooks of one owner."""

    async def make(
        self,
        owner: str,
        asked: WebhookRequest,
        also: Callable[[Connection, Webhook, Secret], None],
    ) -> tuple[Webhook, Secret]:
        """Make a webhook with a secret; `also` writes what belongs into its transaction.

        Raises `UrlNotAllowed` or `TooMany`.
        """
        self._check(asked.url)
        id_, secret = str(uuid.uuid4()), new_secret()

        def unit(connection: Connection) -> tuple[Webhook, Secret]:
            now = connection.now()
            self._refuse_one_more(connection, owner)
            webhook = Webhook(
                id=id_,
                owner=owner,
                url=asked.url,
                events=tuple(asked.events),
                description=asked.description,
                is_enabled=asked.enabled,
                disabled_reason=None,
                failing_since=None,
                created_at=now,
            )
            made = Secret(secret, now)
            webhooks.add(connection, webhook)
            webhooks.keep_secret(connection, owner, id_, made)
            also(connection, webhook, made)
            return webhook, made

        return await self.database.run(unit)

    async def get(self, owner: str, webhook_id: str) -> Webhook:
        """Read a webhook; raises `NotFound`."""
        return await self.database.read(lambda each: webhooks.get(each, owner, webhook_id))

    async def listed(
        self, owner: str, before: float, before_id: str, most: int
    ) -> Sequence[Webhook]:
        """Read an owner's webhooks, the newest first."""
        return await self.database.read(
            lambda each: webhooks.listed(each, owner, before, before_id, most)
        )

    async def change(self, owner: str, webhook_id: str, asked: WebhookChange) -> Webhook:
        """Change a webhook; raises `NotFound` or `UrlNotAllowed`.

        One that is disabled gives up what is owed to it; one that is enabled begins anew.
        """
        if asked.url is not None:
            self._check(asked.url)

        def unit(connection: Connection) -> Webhook:
            before = webhooks.get(connection, owner, webhook_id)
            after = changed(before, asked)
            webhooks.change(connection, after)
            if after.url != before.url:
                lane = lane_of(host_of(after.url), owner)
                logbook.move_owed(connection, owner, webhook_id, lane)
            if before.is_enabled and not after.is_enabled:
                logbook.fail_owed(connection, owner, webhook_id, "The webhook was disabled.")
            return after

        return await self.database.run(unit)

    async def remove(self, owner: str, webhook_id: str) -> None:
        """Remove a webhook with its deliveries; raises `NotFound`."""

        def unit(connection: Connection) -> None:
            webhooks.remove(connection, owner, webhook_id)
            logbook.drop(connection, owner, webhook_id)

        await self.database.run(unit)

    async def rotate(
        self, owner: str, holder: str, also: Callable[[Connection, Secret], None]
    ) -> Secret:
        """Make the next secret of a webhook, or of what jobs bring; raises `NotFound`."""
        made = new_secret()

        def unit(connection: Connection) -> Secret:
            _require(connection, owner, holder)
            before, now = webhooks.secret(connection, owner, holder), connection.now()
            after = before.followed_by(made, now) if before else Secret(made, now)
            webhooks.keep_secret(connection, owner, holder, after)
            also(connection, after)
            return after

        return await self.database.run(unit)

    async def test(
        self, owner: str, webhook_id: str, also: Callable[[Connection, Delivery], None]
    ) -> Delivery:
        """Owe a webhook an event that means nothing; raises `NotFound` or `Conflict`."""
        event_id = f"evt_ping_{uuid.uuid4()}"

        def unit(connection: Connection) -> Delivery:
            webhook = _enabled(connection, owner, webhook_id)
            event = Event(event_id, PING, connection.now(), owner, {"webhook_id": webhook_id})
            ping = _ping(event, webhook)
            deliveries.owe(connection, [ping])
            owed = logbook.get(connection, owner, webhook_id, ping.id)
            also(connection, owed)
            return owed

        owed = await self.database.run(unit)
        self.bell.set()
        return owed

    async def deliveries(self, wanted: Listing) -> Sequence[Delivery]:
        """Read deliveries to a target, the newest first; raises `NotFound`."""

        def unit(connection: Connection) -> Sequence[Delivery]:
            _require(connection, wanted.owner, wanted.target)
            return logbook.listed(connection, wanted)

        return await self.database.read(unit)

    async def delivery(
        self, owner: str, target: str, id_: str
    ) -> tuple[Delivery, Sequence[Attempt]]:
        """Read a delivery with its tries; raises `NotFound`."""

        def unit(connection: Connection) -> tuple[Delivery, Sequence[Attempt]]:
            _require(connection, owner, target)
            found = logbook.get(connection, owner, target, id_)
            return found, logbook.attempts(connection, id_)

        return await self.database.read(unit)

    async def redeliver(self, owner: str, target: str, id_: str) -> Delivery:
        """Owe a delivery again, under its own id; raises `NotFound` or `Conflict`."""

        def unit(connection: Connection) -> Delivery:
            _reachable(connection, owner, target)
            logbook.owe_again(connection, owner, target, id_)
            return logbook.get(connection, owner, target, id_)

        owed = await self.database.run(unit)
        self.bell.set()
        return owed

    async def redeliver_failed(self, owner: str, target: str, since: float) -> int:
        """Owe again all that failed since a moment; tell how many, raises as `redeliver` does."""

        def unit(connection: Connection) -> int:
            _reachable(connection, owner, target)
            return logbook.owe_failed_again(connection, owner, target, since, _AT_ONCE)

        count = await self.database.run(unit)
        total = count
        while count == _AT_ONCE:
            count = await self.database.run(unit)
            total += count
        self.bell.set()
        return total

    async def forget_account(self, owner: str) -> None:
        """Remove all that is kept of an account, deliveries of every channel among it."""

        def unit(connection: Connection) -> None:
            webhooks.remove_all(connection, owner)
            logbook.drop(connection, owner, None)

        await self.database.run(unit)
        forgotten = _AT_ONCE
        while forgotten == _AT_ONCE:
            # What was dropped ended at the beginning of time.
            forgotten = await self.database.run(lambda each: deliveries.forget(each, 1.0, _AT_ONCE))

    def _check(self, url: str) -> None:
        try:
            self.check(url)
        except UrlNotAllowed as error:
            problem = FieldError("url", "is not one that can be told of events.")
            raise UrlNotAllowed(error.message, errors=[problem]) from error

    def _refuse_one_more(self, connection: Connection, owner: str) -> None:
        if webhooks.count(connection, owner) >= self.most:
            raise TooMany(
                f"There are {self.most} webhooks, which is as many as one owner may have; remove "
                "one, or let one be told of more events.",
                limit={"webhooks_per_owner": self.most},
            )


def changed(webhook: Webhook, asked: WebhookChange) -> Webhook:
    """Tell what a webhook is after a change."""
    after = replace(
        webhook,
        url=webhook.url if asked.url is None else asked.url,
        events=webhook.events if asked.events is None else tuple(asked.events),
        description=webhook.description if asked.description is None else asked.description,
    )
    if asked.enabled is None:
        return after
    # Who says anew whether it is enabled overrules what was found out.
    return replace(after, is_enabled=asked.enabled, disabled_reason=None, failing_since=None)


def _ping(event: Event, webhook: Webhook) -> Owed:
    row = {
        "id": event.id,
        "type": event.type,
        "at": event.at,
        "owner": event.owner,
        "body": body_of(event, event.data),
    }
    return Owed(
        id=delivery_id(event.id, CHANNEL, webhook.id),
        event=row,
        channel=CHANNEL,
        target=webhook.id,
        lane=lane_of(host_of(webhook.url), webhook.owner),
        due_at=None,
    )


def _require(connection: Connection, owner: str, target: str) -> None:
    """Raise `NotFound` unless deliveries to a target are an owner's to ask about."""
    if target != OF_JOBS:
        webhooks.get(connection, owner, target)


def _reachable(connection: Connection, owner: str, target: str) -> None:
    if target != OF_JOBS:
        _enabled(connection, owner, target)


def _enabled(connection: Connection, owner: str, webhook_id: str) -> Webhook:
    webhook = webhooks.get(connection, owner, webhook_id)
    if not webhook.is_enabled:
        raise Conflict("The webhook is disabled; enable it first.")
    return webhook
