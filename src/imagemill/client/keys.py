"""API keys at the server: made, listed, given new secrets and revoked."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from urllib.parse import quote

from imagemill.client.connection import Connection, Request
from imagemill.client.key_answers import Key, KeyPage, NewKey, Usage
from imagemill.client.terms import named

_PATH = "/api/v1/api-keys"
_LONGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class KeyBounds:
    """How much and for how long a key may be used; None leaves it to the server."""

    expires_at: datetime | None = None
    """When it ends; without a time zone, in the one of this machine."""
    expires_in_s: int | None = None
    """The same as seconds from now; give one of the two."""
    rate_per_minute: int | None = None
    burst: int | None = None
    monthly_jobs: int | None = None
    stored_bytes: int | None = None
    max_retries: int | None = None
    timeout_s: float | None = None

    def fields(self) -> dict[str, object]:
        """Give what is set as fields of a request."""
        told = asdict(self)
        if self.expires_at is not None:
            told["expires_at"] = self.expires_at.astimezone().isoformat()
        return {name: value for name, value in told.items() if value is not None}


UNBOUNDED = KeyBounds()
"""As the server's settings have it."""


class Keys:
    """Keep the keys of one account."""

    def __init__(self, connection: Connection) -> None:
        """Remember whom to ask."""
        self._connection = connection

    async def make(
        self,
        name: str,
        scopes: Sequence[str],
        bounds: KeyBounds = UNBOUNDED,
        *,
        idempotency_key: str | None = None,
    ) -> NewKey:
        """Make a key; its secret is told this once.

        Raises `ProblemError` for scopes that the caller does not hold itself.
        """
        order = {"name": name, "scopes": list(scopes), **bounds.fields()}
        request = Request("POST", _PATH, json=order, headers=named(idempotency_key))
        return await self._connection.ask(NewKey, request)

    async def list(self, *, limit: int | None = None) -> AsyncGenerator[Key, None]:
        """Give the keys that are not revoked, the newest first; at most `limit`."""
        left = math.inf if limit is None else limit
        query: dict[str, str] = {}
        while left > 0:
            query["limit"] = str(min(left, _LONGEST_PAGE))
            page = await self._connection.ask(KeyPage, Request("GET", _PATH, query=query))
            for key in page.keys:
                yield key
            if page.next is None:
                return
            left -= len(page.keys)
            query["cursor"] = page.next

    async def show(self, key_id: str) -> Key:
        """Look at a key, a revoked one too; `current` is the one that is calling."""
        return await self._connection.ask(Key, Request("GET", _path(key_id)))

    async def change(
        self,
        key_id: str,
        bounds: KeyBounds = UNBOUNDED,
        *,
        name: str | None = None,
        scopes: Sequence[str] | None = None,
    ) -> Key:
        """Change a key; what is left out stays."""
        said = {"name": name, "scopes": None if scopes is None else [*scopes]}
        order = {field: value for field, value in said.items() if value is not None}
        request = Request("PATCH", _path(key_id), json={**order, **bounds.fields()})
        return await self._connection.ask(Key, request)

    async def rotate(
        self, key_id: str, *, overlap_s: int = 0, idempotency_key: str | None = None
    ) -> NewKey:
        """Give a key a new secret; the old one opens for `overlap_s` seconds as well."""
        path = f"{_path(key_id)}/rotate"
        headers = named(idempotency_key)
        request = Request("POST", path, json={"overlap_s": overlap_s}, headers=headers)
        return await self._connection.ask(NewKey, request)

    async def revoke(self, key_id: str) -> None:
        """End a key for good; a second time changes nothing."""
        await self._connection.send(Request("DELETE", _path(key_id)))

    async def usage(self, month: str | None = None, *, key_id: str | None = None) -> Usage:
        """Tell what was used in a month such as `2026-11`, by default in the running one."""
        asked = {"month": month, "key_id": key_id}
        query = {name: value for name, value in asked.items() if value}
        return await self._connection.ask(Usage, Request("GET", "/api/v1/usage", query=query))


def _path(key_id: str) -> str:
    # What is no id must not become a query or a way up.
    return f"{_PATH}/{quote(key_id, safe='')}"
