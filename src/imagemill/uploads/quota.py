"""How many bytes of originals a key, and an account, may keep."""

from __future__ import annotations

from dataclasses import dataclass

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Image
from imagemill.contracts.usage import month_of
from imagemill.database import Connection
from imagemill.errors import QuotaExceeded
from imagemill.uploads.records import usage


@dataclass(frozen=True, slots=True)
class StorageQuota:
    """What one account may keep, beside what its keys may.

    What counts are the originals that are kept and that a key brought in; whoever deletes one
    makes room for the key that brought it. Results do not count.
    """

    stored_bytes: int = 0
    """Bytes of all its originals; 0 for as many as it likes."""

    def take(self, connection: Connection, owner: Identity, image: Image) -> None:
        """Count a new image; raises `QuotaExceeded`, which undoes the count and all beside it."""
        month = month_of(image.created_at)
        usage.came_in(connection, image, owner.key_id or "", month)
        self.check(connection, owner, 0)

    def check(self, connection: Connection, owner: Identity, more_bytes: int) -> None:
        """Raise `QuotaExceeded` when so many more bytes may not be kept; count nothing."""
        if owner.stored_bytes is None and not self.stored_bytes:
            return
        stored = usage.stored(connection, owner.account, owner.key_id or "")
        if owner.stored_bytes is not None:
            _refuse_beyond(stored.by_key + more_bytes, owner.stored_bytes, "key")
        if self.stored_bytes:
            _refuse_beyond(stored.by_all + more_bytes, self.stored_bytes, "account")


def _refuse_beyond(size_bytes: int, most: int, whose: str) -> None:
    if size_bytes > most:
        raise QuotaExceeded(
            f"The originals of this {whose} may take up {most} bytes, and this would be more. "
            "Delete images that nobody needs, or ask for a larger quota.",
            limit={"max_stored_bytes": most, "of": whose},
        )
