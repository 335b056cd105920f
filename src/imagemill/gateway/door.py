"""Who is calling: credentials in, identity out, remembered for a moment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from imagemill.cache import Cache
from imagemill.contracts.identity import Identity
from imagemill.contracts.users import Credentials, UsersClient
from imagemill.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class Door:
    """Lets in whom the users service knows."""

    users: UsersClient
    cache: Cache
    remember_s: float

    async def identify(self, headers: Mapping[bytes, bytes]) -> Identity:
        """Tell who shows these headers; raises `Unauthenticated`."""
        shown = credentials(headers)
        name = _name(shown)
        if remembered := await self.cache.get(name):
            return Identity.model_validate_json(remembered)
        identity = await self.users.identify(shown)
        if self.remember_s:
            value = identity.model_dump_json().encode()
            await self.cache.put(name, value, seconds=self.remember_s)
        return identity

    async def forget(self, headers: Mapping[bytes, bytes]) -> None:
        """Look up anew who shows these headers when they come next."""
        await self.cache.drop(_name(credentials(headers)))


def _name(shown: Credentials) -> str:
    return f"identity:{hashlib.sha256(shown.api_key.encode()).hexdigest()}"


def credentials(headers: Mapping[bytes, bytes]) -> Credentials:
    """Read a key from `X-API-Key` or `Authorization: Bearer`; raises `Unauthenticated`."""
    key = headers.get(b"x-api-key", b"")
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if not key and scheme.lower() == b"bearer":
        key = token.strip()
    if not key:
        raise Unauthenticated(
            "Show an API key in the header X-API-Key; `imagemill key` prints the first one."
        )
    return Credentials(api_key=key.decode("latin-1"))
