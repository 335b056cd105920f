"""What others may ask of the users service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.identity import Identity
from imagemill.contracts.model import Contract

FORGET: Final = "x-imagemill-forget"
"""Header of an answer: SHA-256 digests of credentials, with commas between them, about which
whoever remembers something shall look it up anew. The gateway takes it off."""
CHANGED: Final = "x-imagemill-changed"
"""Header of an answer: id of an account of which nothing shall be trusted that was remembered."""


class Credentials(Contract):
    """What a caller showed."""

    api_key: str
    """An API key, or an access token."""


class Admitted(Contract):
    """Who calls, and how often: what the gateway needs to let somebody in."""

    identity: Identity
    rate_per_minute: int | None = None
    """Requests a minute that the key was given; None where the gateway's setting counts."""
    burst: int | None = None
    """Requests at once that it was given; None where the gateway's setting counts."""


class OfAccount(Contract):
    """An account that something is asked about."""

    account: str


class QuietHours(Contract):
    """A part of each day in which nothing is told; it waits for the end."""

    start: str
    """Time of day, `22:00`; after `end` where it spans midnight."""
    end: str
    time_zone: str = "UTC"
    """IANA name, such as `Europe/Berlin`."""


class Contact(Contract):
    """How somebody wants to be told, and where."""

    account: str
    email: str | None = None
    """Confirmed address; None where there is none, and then no mail is sent."""
    telephone: str | None = None
    """E.164, such as `+491701234567`."""
    push: tuple[str, ...] = ()
    """Registrations of devices, as the operator's push gateway knows them."""
    channels: dict[str, tuple[str, ...]] = {}
    """Channels (`mail`, `sms`, `push`) by event type; a type that is missing is not told."""
    quiet: QuietHours | None = None
    digest: bool = True
    """Whether a batch is told once, at its end, in the place of each of its jobs."""


class AuditEntry(Contract):
    """Who did what, to what, from where."""

    id: str
    """Names the entry: one that is told twice is kept once."""
    at: float
    """Seconds since 1970."""
    account: str
    """Who did it; empty for a stranger."""
    key_id: str | None = None
    address: str = ""
    """Where the request came from."""
    action: str
    """Such as `login.failed`, `key.revoked`, `image.deleted`, `job.replayed`."""
    subject: str = ""
    """Id of what it was done to."""
    request_id: str = ""


class AuditEntries(Contract):
    """Entries that a service hands over."""

    entries: list[AuditEntry]


@dataclass(frozen=True, slots=True)
class UsersClient:
    """The users service, typed."""

    service: ServiceClient

    async def identify(self, credentials: Credentials) -> Admitted:
        """Tell who shows these credentials; raises `Unauthenticated` when nobody known does."""
        reply = await self.service.call(
            "POST", "/internal/identify", credentials, is_repeatable=True
        )
        return Admitted.model_validate_json(reply.body)

    async def contact(self, account: str) -> Contact:
        """Tell how and where an account's owner is told; raises `NotFound` for no such account."""
        reply = await self.service.call(
            "POST", "/internal/contact", OfAccount(account=account), is_repeatable=True
        )
        return Contact.model_validate_json(reply.body)

    async def keep_audit(self, entries: Sequence[AuditEntry]) -> None:
        """Hand entries of the audit log over; they are kept when this returns, each once."""
        await self.service.call(
            "POST", "/internal/audit", AuditEntries(entries=list(entries)), is_repeatable=True
        )
