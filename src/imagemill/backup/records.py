"""Which objects the databases name, and every statement that asks them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from imagemill.database import Connection
from imagemill.storage import Bucket, Stored

_ORIGINALS = "SELECT id, storage_key, size_bytes, sha256 FROM images ORDER BY id"
_RESULTS = "SELECT storage_key, size_bytes, sha256 FROM results ORDER BY storage_key"
_IMAGE = "SELECT 1 FROM images WHERE id = :id"


@dataclass(frozen=True, slots=True)
class Named:
    """An object as a database names it."""

    bucket: Bucket
    key: str
    stored: Stored
    """Size and digest that it had when it was written."""
    image_id: str | None = None
    """The image whose original it is; none for a result."""


def originals(connection: Connection) -> list[Named]:
    """List the originals that the images database names."""
    return [
        Named(
            Bucket.ORIGINALS,
            row["storage_key"],
            Stored(row["size_bytes"], row["sha256"]),
            row["id"],
        )
        for row in connection.execute(_ORIGINALS)
    ]


def results(connection: Connection) -> list[Named]:
    """List the results that the jobs database names."""
    return [
        Named(Bucket.RESULTS, row["storage_key"], Stored(row["size_bytes"], row["sha256"]))
        for row in connection.execute(_RESULTS)
    ]


def still_there(connection: Connection, image_ids: Iterable[str]) -> list[str]:
    """List those of the images that were not removed meanwhile."""
    return [each for each in image_ids if connection.execute(_IMAGE, {"id": each})]


NAMING = {"jobs": results, "images": originals}
"""How the databases that name objects are asked for them."""
