"""What others may ask of the users service."""

from __future__ import annotations

from dataclasses import dataclass

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.identity import Identity
from imagemill.contracts.model import Contract


class Credentials(Contract):
    """What a caller showed."""

    api_key: str


@dataclass(frozen=True, slots=True)
class UsersClient:
    """The users service, typed."""

    service: ServiceClient

    async def identify(self, credentials: Credentials) -> Identity:
        """Tell who shows these credentials; raises `Unauthenticated` when nobody known does."""
        reply = await self.service.call("POST", "/internal/identify", credentials)
        return Identity.model_validate_json(reply.body)
