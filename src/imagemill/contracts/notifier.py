"""What others may ask of the notifier."""

from __future__ import annotations

from dataclasses import dataclass

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.model import Contract


class Letter(Contract):
    """A mail about an account itself: to confirm an address, or to set a new password."""

    id: str
    """Names the letter: one that is handed over twice is sent once."""
    to: str
    """Mail address."""
    subject: str
    text: str
    html: str | None = None


class Channels(Contract):
    """Which ways of telling people this installation has."""

    configured: frozenset[str]
    """Among `mail`, `sms`, `push`; webhooks are always there."""


@dataclass(frozen=True, slots=True)
class NotifierClient:
    """The notifier, typed."""

    service: ServiceClient

    async def send(self, letter: Letter) -> None:
        """Hand a letter over; it is kept when this returns, and sent soon after."""
        await self.service.call("POST", "/internal/letters", letter, is_repeatable=True)

    async def channels(self) -> Channels:
        """Tell which channels the operator has configured."""
        reply = await self.service.call("GET", "/internal/channels")
        return Channels.model_validate_json(reply.body)
