"""API keys for programs without an event loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imagemill.client.key_answers import Key, NewKey, Usage
from imagemill.client.keys import UNBOUNDED, KeyBounds, Keys
from imagemill.client.loop import Loop


class BlockingKeys:
    """Keep the keys of one account, as `Keys` does, without `await`."""

    def __init__(self, loop: Loop, keys: Keys) -> None:
        """Remember whom to ask."""
        self._loop = loop
        self._keys = keys

    def make(
        self,
        name: str,
        scopes: Sequence[str],
        bounds: KeyBounds = UNBOUNDED,
        *,
        idempotency_key: str | None = None,
    ) -> NewKey:
        """Make a key, as `Keys.make` does; its secret is told this once."""
        made = self._keys.make(name, scopes, bounds, idempotency_key=idempotency_key)
        return self._loop.run(made)

    def list(self, *, limit: int | None = None) -> Iterator[Key]:
        """Give the keys that are not revoked, the newest first; at most `limit`."""
        return self._loop.each(self._keys.list(limit=limit))

    def show(self, key_id: str) -> Key:
        """Look at a key, as `Keys.show` does."""
        return self._loop.run(self._keys.show(key_id))

    def change(
        self,
        key_id: str,
        bounds: KeyBounds = UNBOUNDED,
        *,
        name: str | None = None,
        scopes: Sequence[str] | None = None,
    ) -> Key:
        """Change a key; what is left out stays."""
        return self._loop.run(self._keys.change(key_id, bounds, name=name, scopes=scopes))

    def rotate(
        self, key_id: str, *, overlap_s: int = 0, idempotency_key: str | None = None
    ) -> NewKey:
        """Give a key a new secret, as `Keys.rotate` does."""
        rotated = self._keys.rotate(key_id, overlap_s=overlap_s, idempotency_key=idempotency_key)
        return self._loop.run(rotated)

    def revoke(self, key_id: str) -> None:
        """End a key for good; a second time changes nothing."""
        self._loop.run(self._keys.revoke(key_id))

    def usage(self, month: str | None = None, *, key_id: str | None = None) -> Usage:
        """Tell what was used in a month, as `Keys.usage` does."""
        return self._loop.run(self._keys.usage(month, key_id=key_id))
