"""How people want to be told, remembered for a few seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from imagemill.cache import Cache
from imagemill.contracts.users import Contact
from imagemill.errors import NotFound


class Contacts(Protocol):
    """Who knows how people want to be told."""

    async def contact(self, account: str) -> Contact:
        """Tell how and where an account wants to be told; raises `NotFound`, `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class RememberedContacts:
    """Contacts that were asked for just now are not asked for again: events come in bursts."""

    contacts: Contacts
    cache: Cache
    seconds: float
    """How late a change of preferences may count."""

    async def contact(self, account: str) -> Contact:
        """Give a contact; one who wants to be told nothing where the account is gone."""
        if kept := await self.cache.get(account):
            return Contact.model_validate_json(kept)
        try:
            found = await self.contacts.contact(account)
        except NotFound:
            found = Contact(account=account)
        await self.cache.put(account, found.model_dump_json().encode(), seconds=self.seconds)
        return found
