"""The rows of the uploads service and every statement on them."""

from __future__ import annotations

from imagemill.contracts.facts import Facts
from imagemill.contracts.uploads import Image
from imagemill.database import Connection, Row
from imagemill.errors import Unavailable

_BY_SHA256 = """
SELECT * FROM images WHERE owner = :owner AND sha256 = :sha256 AND going_at IS NULL
"""
_BY_ID = """
SELECT * FROM images WHERE owner = :owner AND id = :id AND going_at IS NULL
"""
_ADD = """
INSERT INTO images (id, owner, sha256, storage_key, size_bytes, facts, name, created_at)
VALUES (:id, :owner, :sha256, :storage_key, :size_bytes, :facts, :name, :created_at)
ON CONFLICT (owner, sha256) DO NOTHING
RETURNING id
"""
_HIDE = """
UPDATE images SET going_at = :now WHERE owner = :owner AND id = :id AND going_at IS NULL
RETURNING *
"""
_SHOW = "UPDATE images SET going_at = NULL WHERE id = :id"
_REMOVE = "DELETE FROM images WHERE id = :id"


def by_sha256(connection: Connection, owner: str, sha256: str) -> Image | None:
    """Find the image that an owner keeps of these bytes."""
    rows = connection.execute(_BY_SHA256, {"owner": owner, "sha256": sha256})
    return _image(rows[0]) if rows else None


def by_ids(connection: Connection, owner: str, ids: list[str]) -> dict[str, Image]:
    """Find an owner's images by id; leave out what is not there."""
    found = (connection.execute(_BY_ID, {"owner": owner, "id": each}) for each in set(ids))
    return {image.image_id: image for rows in found for image in map(_image, rows)}


def add(connection: Connection, image: Image) -> Image:
    """Keep an image, unless its owner keeps the same bytes; answer the one that is kept.

    Raises `Unavailable` while the image of the same bytes is being deleted.
    """
    row = {
        "id": image.image_id,
        "owner": image.owner,
        "sha256": image.sha256,
        "storage_key": image.storage_key,
        "size_bytes": image.size_bytes,
        "facts": image.facts.model_dump_json(),
        "name": image.name,
        "created_at": image.created_at,
    }
    if connection.execute(_ADD, row):
        return image
    kept = by_sha256(connection, image.owner, image.sha256)
    if kept is None:
        raise Unavailable("The same picture is being deleted now; try again.", retry_after_s=1)
    return kept


def hide(connection: Connection, owner: str, image_id: str, now: float) -> Image | None:
    """Take an owner's image out of sight; None when it is not there, or hidden already."""
    rows = connection.execute(_HIDE, {"owner": owner, "id": image_id, "now": now})
    return _image(rows[0]) if rows else None


def show(connection: Connection, image_id: str) -> None:
    """Let a hidden image be seen again."""
    connection.execute(_SHOW, {"id": image_id})


def remove(connection: Connection, image_id: str) -> None:
    """Forget an image."""
    connection.execute(_REMOVE, {"id": image_id})


def _image(row: Row) -> Image:
    return Image(
        image_id=row["id"],
        owner=row["owner"],
        storage_key=row["storage_key"],
        sha256=row["sha256"],
        size_bytes=row["size_bytes"],
        facts=Facts.model_validate_json(row["facts"]),
        name=row["name"],
        created_at=row["created_at"],
    )
