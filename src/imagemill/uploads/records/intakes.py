"""The ledger of intakes: objects that no image names, or not yet."""

from __future__ import annotations

from imagemill.database import Connection
from imagemill.errors import Unavailable

_BEGIN = "INSERT INTO intakes (storage_key, at) VALUES (:storage_key, :at)"
_END = "DELETE FROM intakes WHERE storage_key = :storage_key"
_RECORD = """
DELETE FROM intakes WHERE storage_key = :storage_key AND at > :after RETURNING storage_key
"""
_LEFT = """
SELECT storage_key FROM intakes WHERE at <= :before AND NOT EXISTS (
    SELECT 1 FROM images WHERE images.storage_key = intakes.storage_key
)
ORDER BY at LIMIT :most
"""


def begin(connection: Connection, storage_key: str, at: float) -> None:
    """Note that an object may lie there which no image names."""
    connection.execute(_BEGIN, {"storage_key": storage_key, "at": at})


def end(connection: Connection, storage_key: str) -> None:
    """Note that there is no such object."""
    connection.execute(_END, {"storage_key": storage_key})


def end_all(connection: Connection, storage_keys: list[str]) -> None:
    """Note that there are no such objects."""
    connection.execute_many(_END, [{"storage_key": each} for each in storage_keys])


def record(connection: Connection, storage_key: str, after: float) -> None:
    """Hand an object over to the image that this transaction records.

    Raises `Unavailable` unless its intake began after a moment: a sweep may be removing it.
    """
    if not connection.execute(_RECORD, {"storage_key": storage_key, "after": after}):
        raise Unavailable("The picture took too long to arrive; send it again.", retry_after_s=1)


def left(connection: Connection, before: float, most: int) -> list[str]:
    """List objects of intakes that began before a moment and came to nothing, the oldest first."""
    rows = connection.execute(_LEFT, {"before": before, "most": most})
    return [row["storage_key"] for row in rows]
