"""Find out whom to tell, when that could not be asked as the event was heard."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from imagemill.database import Database
from imagemill.errors import ImagemillError
from imagemill.notifier.channels import Outcome, again, delivered
from imagemill.notifier.delivery import Delivery
from imagemill.notifier.events import Event
from imagemill.notifier.people import People, owed_to, targets_of
from imagemill.notifier.records import deliveries


@dataclass(frozen=True, slots=True)
class AskLater:
    """A channel that tells nobody: it owes the event to whoever wants it by now."""

    people: People
    database: Database
    bell: asyncio.Event
    """Rung when something is owed."""

    async def deliver(self, delivery: Delivery) -> Outcome:
        """Ask once; what is owed twice, after a crash, is told once."""
        try:
            contact = await self.people.contacts.contact(delivery.owner)
        except ImagemillError as error:
            return again(error.message)
        event = _event_of(delivery)
        targets = targets_of(event, contact, self.people.configured, self.people.clock())
        owed = [
            owed_to(event, delivery.body, each.channel, each.name, each.host, each.due_at)
            for each in targets
        ]
        await self.database.run(lambda each: deliveries.owe(each, owed))
        self.bell.set()
        return delivered()


def _event_of(delivery: Delivery) -> Event:
    """Give the event that is owed; its row is there, so its time is not written again."""
    return Event(
        id=delivery.event_id,
        type=delivery.event_type,
        at=delivery.created_at,
        owner=delivery.owner,
        data=json.loads(delivery.body)["data"],
    )
