"""Who is calling: credentials in, identity out, remembered for a moment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from imagemill.cache import Cache
from imagemill.contracts.users import Admitted, Credentials, UsersClient
from imagemill.errors import MalformedRequest
from imagemill.web import unknown_caller


@dataclass(slots=True)
class _Changes:
    """Counts how often this process was told to forget something."""

    seen: int = 0


@dataclass(frozen=True, slots=True)
class Door:
    """Lets in whom the users service knows."""

    users: UsersClient
    cache: Cache
    remember_s: float
    _changes: _Changes = field(default_factory=_Changes)

    async def admit(self, headers: Mapping[bytes, bytes]) -> Admitted:
        """Tell who shows these headers; raises `Unauthenticated`."""
        shown = credentials(headers)
        name = _name(shown)
        if remembered := await self.cache.get(name):
            admitted = Admitted.model_validate_json(remembered)
            if not await self.cache.get(_changed(admitted.identity.account)):
                return admitted
        seen = self._changes.seen
        admitted = await self.users.identify(shown)
        # What was asked before a change may be told after it, and is not to outlive it.
        if self.remember_s and self._changes.seen == seen:
            value = admitted.model_dump_json().encode()
            await self.cache.put(name, value, seconds=self.remember_s)
        return admitted

    async def forget(self, headers: Mapping[bytes, bytes]) -> None:
        """Look up anew who shows these headers when they come next."""
        self._changes.seen += 1
        await self.cache.drop(_name(credentials(headers)))

    async def forget_all(self, digests: Iterable[str]) -> None:
        """Look up anew whoever shows credentials of these SHA-256 digests when they come next."""
        self._changes.seen += 1
        for digest in digests:
            await self.cache.drop(_name_of(digest))

    async def distrust(self, account: str) -> None:
        """Look up anew, for as long as anything is remembered, whoever comes for an account."""
        if self.remember_s:
            await self.cache.put(_changed(account), b"1", seconds=self.remember_s)


def _changed(account: str) -> str:
    return f"changed:{account}"


def _name(shown: Credentials) -> str:
    return _name_of(hashlib.sha256(shown.api_key.encode()).hexdigest())


def _name_of(digest: str) -> str:
    return f"identity:{digest}"


def shows_nothing(headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether neither a key nor a token is shown, not even a wrong one."""
    return not (headers.get(b"x-api-key") or headers.get(b"authorization"))


def credentials(headers: Mapping[bytes, bytes]) -> Credentials:
    """Read a key from `X-API-Key` or `Authorization: Bearer`; nowhere else, not from the URL.

    Raises `Unauthenticated` where neither holds one, `MalformedRequest` where they hold two:
    whichever of them were taken, a proxy on the way might have checked the other.
    """
    shown = {key for key in (headers.get(b"x-api-key", b"").strip(), _bearer(headers)) if key}
    if not shown:
        raise unknown_caller()
    if len(shown) > 1:
        raise MalformedRequest("X-API-Key and Authorization show two keys; send one of them.")
    return Credentials(api_key=shown.pop().decode("latin-1"))


def _bearer(headers: Mapping[bytes, bytes]) -> bytes:
    """Read the token of `Authorization: Bearer`; empty for every other scheme."""
    scheme, _, token = headers.get(b"authorization", b"").strip().partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""
