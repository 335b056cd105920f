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
_BY_ID_ALONE = "SELECT * FROM images WHERE id = :id AND going_at IS NULL"
_ADD = """
INSERT INTO images (id, owner, sha256, storage_key, size_bytes, facts, name, created_at)
VALUES (:id, :owner, :sha256, :storage_key, :size_bytes, :facts, :name, :created_at)
ON CONFLICT (owner, sha256) DO NOTHING
RETURNING id
"""
_HIDE = """
UPDATE images SET going_at = :now WHERE owner = :owner AND id = :id AND going_at IS NULL
AND COALESCE(last_in_at, created_at) <= :last_in
RETURNING *
"""
_SEE_AGAIN = """
UPDATE images SET last_in_at = :now
WHERE owner = :owner AND sha256 = :sha256 AND going_at IS NULL
RETURNING *
"""
_HIDDEN = "SELECT * FROM images WHERE going_at <= :before ORDER BY going_at LIMIT :most"
_EXPIRED = """
SELECT * FROM images
WHERE created_at <= :before AND COALESCE(last_in_at, created_at) <= :before
AND going_at IS NULL AND (created_at, id) > (:after, :after_id)
ORDER BY created_at, id LIMIT :most
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


def by_id(connection: Connection, image_id: str) -> Image | None:
    """Find an image whoever owns it, for who has shown that they may read it."""
    rows = connection.execute(_BY_ID_ALONE, {"id": image_id})
    return _image(rows[0]) if rows else None


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


def see_again(connection: Connection, owner: str, sha256: str, now: float) -> Image | None:
    """Find the image that an owner keeps of these bytes, and note that they came in again."""
    rows = connection.execute(_SEE_AGAIN, {"owner": owner, "sha256": sha256, "now": now})
    return _image(rows[0]) if rows else None


def hide(
    connection: Connection,
    owner: str,
    image_id: str,
    now: float,
    *,
    last_in: float = float("inf"),
) -> Image | None:
    """Take an owner's image out of sight.

    None when it is not there, hidden already, or came in after `last_in`.
    """
    wanted = {"owner": owner, "id": image_id, "now": now, "last_in": last_in}
    rows = connection.execute(_HIDE, wanted)
    return _image(rows[0]) if rows else None


def show(connection: Connection, image_id: str) -> None:
    """Let a hidden image be seen again."""
    connection.execute(_SHOW, {"id": image_id})


def remove(connection: Connection, image_id: str) -> None:
    """Forget an image."""
    connection.execute(_REMOVE, {"id": image_id})


def hidden(connection: Connection, before: float, most: int) -> list[Image]:
    """List images that were hidden before a moment, the first first."""
    return [_image(row) for row in connection.execute(_HIDDEN, {"before": before, "most": most})]


def expired(
    connection: Connection, before: float, after: tuple[float, str], most: int
) -> list[Image]:
    """List images that came in last before a moment, from one (by age and id) on."""
    wanted = {"before": before, "after": after[0], "after_id": after[1], "most": most}
    return [_image(row) for row in connection.execute(_EXPIRED, wanted)]


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
