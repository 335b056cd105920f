"""How much of what is kept which key brought in, and how much came in during a month."""

from __future__ import annotations

from dataclasses import dataclass

from imagemill.contracts.uploads import Image
from imagemill.contracts.usage import KeyIntake
from imagemill.database import Connection

_BROUGHT = """
INSERT INTO brought (image_id, owner, key_id, size_bytes)
VALUES (:image_id, :owner, :key_id, :size_bytes)
"""
_STORED = """
INSERT INTO stored (owner, key_id, images, bytes) VALUES (:owner, :key_id, :images, :size_bytes)
ON CONFLICT (owner, key_id) DO UPDATE SET
    images = stored.images + excluded.images, bytes = stored.bytes + excluded.bytes
"""
_CAME_IN = """
INSERT INTO usage (owner, month, key_id, images, bytes)
VALUES (:owner, :month, :key_id, 1, :size_bytes)
ON CONFLICT (owner, month, key_id) DO UPDATE SET
    images = usage.images + 1, bytes = usage.bytes + excluded.bytes
"""
_GONE = "DELETE FROM brought WHERE image_id = :image_id RETURNING owner, key_id, size_bytes"
_ROOM = """
SELECT coalesce(sum(bytes), 0) AS by_all,
       coalesce(sum(CASE WHEN key_id = :key_id THEN bytes END), 0) AS by_key
FROM stored WHERE owner = :owner
"""
_OF_MONTH = """
SELECT key_id, images, bytes FROM usage WHERE owner = :owner AND month = :month
"""
_OF_NOW = "SELECT key_id, images, bytes FROM stored WHERE owner = :owner AND images > 0"
_ALL_BYTES = "SELECT coalesce(sum(bytes), 0) AS bytes FROM stored"
_FORGET_OWNER = (
    "DELETE FROM brought WHERE owner = :owner",
    "DELETE FROM stored WHERE owner = :owner",
    "DELETE FROM usage WHERE owner = :owner",
)


def stored_bytes(connection: Connection) -> int:
    """Add up everybody's originals; there is a row for each key of each owner."""
    return int(connection.execute(_ALL_BYTES)[0]["bytes"])


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes of an owner's originals that are kept."""

    by_key: int
    """Those that one key brought in."""
    by_all: int


def came_in(connection: Connection, image: Image, key_id: str, month: str) -> None:
    """Count a new image, in the transaction that records it."""
    row = {
        "image_id": image.image_id,
        "owner": image.owner,
        "key_id": key_id,
        "size_bytes": image.size_bytes,
    }
    connection.execute(_BROUGHT, row)
    connection.execute(_STORED, {**row, "images": 1})
    connection.execute(_CAME_IN, {**row, "month": month})


def gone(connection: Connection, image_id: str) -> None:
    """Count an image off, in the transaction that removes its row."""
    for row in connection.execute(_GONE, {"image_id": image_id}):
        size_bytes = -row["size_bytes"]
        connection.execute(_STORED, {**dict(row), "images": -1, "size_bytes": size_bytes})


def stored(connection: Connection, owner: str, key_id: str) -> Stored:
    """Tell how much is kept of what a key, and all keys, brought in."""
    row = connection.execute(_ROOM, {"owner": owner, "key_id": key_id})[0]
    return Stored(by_key=row["by_key"], by_all=row["by_all"])


def listed(connection: Connection, owner: str, month: str) -> list[KeyIntake]:
    """Tell what each key of an owner brought in during a month, and what is kept now."""
    found: dict[str, KeyIntake] = {}
    for row in connection.execute(_OF_NOW, {"owner": owner}):
        kept = {"stored_images": row["images"], "stored_bytes": row["bytes"]}
        found[row["key_id"]] = KeyIntake(key_id=row["key_id"], **kept)
    for row in connection.execute(_OF_MONTH, {"owner": owner, "month": month}):
        key_id = row["key_id"]
        before = found.get(key_id, KeyIntake(key_id=key_id))
        came = {"images": row["images"], "bytes_in": row["bytes"]}
        found[key_id] = before.model_copy(update=came)
    return [found[each] for each in sorted(found)]


def forget_owner(connection: Connection, owner: str) -> None:
    """Remove what an owner's keys brought in."""
    for statement in _FORGET_OWNER:
        connection.execute(statement, {"owner": owner})
