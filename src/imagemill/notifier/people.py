"""Which people are told of an event, by which channel, and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from imagemill.contracts.users import Contact
from imagemill.errors import ImagemillError
from imagemill.notifier.contacts import Contacts
from imagemill.notifier.delivery import delivery_id, lane_of
from imagemill.notifier.events import Event
from imagemill.notifier.quiet import tell_at
from imagemill.notifier.records.deliveries import Owed
from imagemill.notifier.texts import is_told
from imagemill.notifier.wanted import Target

CHANNELS: Final = ("mail", "sms", "push")
"""Channels to people; each is there when the operator has configured a gateway for it."""

LATER: Final = "contacts"
"""Channel that tells nobody, but finds out whom to tell."""


@dataclass(frozen=True, slots=True)
class People:
    """Names the people who want to be told, each by the channels of their preferences."""

    contacts: Contacts
    configured: frozenset[str]
    """Channels that have a gateway."""
    clock: Callable[[], float]
    """Tells seconds since 1970."""

    async def of(self, events: Sequence[Event]) -> list[Target]:
        """Name everybody who wants some of these events.

        While nobody knows how somebody wants to be told, that is owed in its place: to find it out
        later. So the log is read on, and what others are told waits for nobody.
        """
        if not self.configured:
            return []
        told = [each for each in events if is_told(each.type)]
        return [target for each in told for target in await self._of(each)]

    async def _of(self, event: Event) -> list[Target]:
        try:
            contact = await self.contacts.contact(event.owner)
        except ImagemillError:
            return [Target(event, LATER, event.owner, host=LATER)]
        return targets_of(event, contact, self.configured, self.clock())


def targets_of(
    event: Event, contact: Contact, configured: frozenset[str], now: float
) -> list[Target]:
    """Say where an event is told to whom it happened, by their preferences.

    Jobs of a batch are not told one by one to who wants a digest: the end of the batch tells of
    them all. Nothing is told in quiet hours; no event is so urgent by itself.
    """
    if contact.digest and event.type.startswith("job.") and event.data.get("batch_id"):
        return []
    due_at = tell_at(max(event.at, now), contact.quiet)
    return [
        Target(event, channel, to, host=channel, due_at=due_at if due_at > now else None)
        for channel in dict.fromkeys(contact.channels.get(event.type, ()))
        if channel in configured
        for to in dict.fromkeys(addresses_of(contact, channel))
    ]


def may_be_told(contact: Contact, type_: str, channel: str, to: str, now: float) -> float | None:
    """Say from when on somebody may be told of what was owed to them; None for never.

    Preferences may have changed meanwhile, an address may have gone, and a try that failed may be
    made again within quiet hours.
    """
    is_wanted = channel in contact.channels.get(type_, ()) and to in addresses_of(contact, channel)
    return tell_at(now, contact.quiet) if is_wanted else None


def owed_to(
    event: Event, body: str, channel: str, to: str, lane: str, due_at: float | None = None
) -> Owed:
    """Owe something to an address, in a line of its own kind; None is at once."""
    row = {"id": event.id, "type": event.type, "at": event.at, "owner": event.owner, "body": body}
    return Owed(
        id=delivery_id(event.id, channel, to),
        event=row,
        channel=channel,
        target=to,
        address="",
        lane=lane_of(lane, event.owner),
        due_at=due_at,
    )


def addresses_of(contact: Contact, channel: str) -> tuple[str, ...]:
    """List where somebody can be reached by a channel; nowhere by one that is not known."""
    if channel == "mail":
        return (contact.email,) if contact.email else ()
    if channel == "sms":
        return (contact.telephone,) if contact.telephone else ()
    return contact.push if channel == "push" else ()
