"""Which objects are named besides originals and results, and which are on their way out."""

from __future__ import annotations

from typing import Final

from imagemill.database import Connection
from imagemill.storage import Bucket, Stored

_CHUNKS: Final = "SELECT storage_key, size_bytes, sha256 FROM chunks ORDER BY storage_key"
_GARBAGE: Final = "SELECT storage_key FROM garbage"
_INTAKES: Final = "SELECT storage_key FROM intakes"


def chunks(connection: Connection) -> list[tuple[str, Stored | None]]:
    """List the parts of uploads that are not complete; what a signed URL brought has no digest."""
    return [
        (row["storage_key"], Stored(row["size_bytes"], row["sha256"]) if row["sha256"] else None)
        for row in connection.execute(_CHUNKS)
    ]


def garbage(connection: Connection) -> list[tuple[Bucket, str]]:
    """List the results that a sweep is about to remove."""
    return [(Bucket.RESULTS, row["storage_key"]) for row in connection.execute(_GARBAGE)]


def intakes(connection: Connection) -> list[tuple[Bucket, str]]:
    """List what was on its way in when its process ended; a sweep removes it."""
    return [(Bucket.ORIGINALS, row["storage_key"]) for row in connection.execute(_INTAKES)]
