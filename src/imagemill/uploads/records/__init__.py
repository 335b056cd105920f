"""The rows of the uploads service and every statement on them."""

from __future__ import annotations

import json
from typing import Final

from imagemill.contracts.facts import Facts
from imagemill.contracts.uploads import Image
from imagemill.database import Connection, Row
from imagemill.errors import Unavailable
from imagemill.uploads import words
from imagemill.uploads.describing import Changes, changed, tagged, written
from imagemill.uploads.finding import Place, Wanted
from imagemill.uploads.records import finding

FILE: Final = "file"
"""Source of the text that stands in a picture's file: EXIF, IPTC and XMP."""

_BY_SHA256 = """
SELECT * FROM images WHERE owner = :owner AND sha256 = :sha256 AND going_at IS NULL
"""
_BY_ID = """
SELECT * FROM images WHERE owner = :owner AND id = :id AND going_at IS NULL
"""
_KEPT_AS = "SELECT image_id FROM fetches WHERE owner = :owner AND id = :id AND image_id <> id"
_BY_ID_ALONE = "SELECT * FROM images WHERE id = :id AND going_at IS NULL"
_ADD = """
INSERT INTO images (id, owner, sha256, storage_key, size_bytes, facts, name, created_at, number,
                    format, width, height, sort_name, indexed_by)
VALUES (:id, :owner, :sha256, :storage_key, :size_bytes, :facts, :name, :created_at, :number,
        :format, :width, :height, :sort_name, :indexed_by)
ON CONFLICT DO NOTHING
RETURNING *
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
_SOME_OF_OWNER = "SELECT id FROM images WHERE owner = :owner AND going_at IS NULL LIMIT :most"
_SHOW = "UPDATE images SET going_at = NULL WHERE id = :id"
_REMOVE = "DELETE FROM images WHERE id = :id RETURNING id, number"
_AT = """
SELECT * FROM images WHERE owner = :owner AND number = :number AND going_at IS NULL
"""
_DESCRIBE = """
UPDATE images SET tags = :tags, metadata = :metadata, is_public = :is_public, name = :name,
    sort_name = :sort_name
WHERE owner = :owner AND id = :id AND going_at IS NULL
RETURNING *
"""
_STALE = "SELECT * FROM images WHERE indexed_by < :edition ORDER BY created_at LIMIT :most"
_LIST = """
UPDATE images SET number = COALESCE(number, :number), format = :format, width = :width,
    height = :height, sort_name = :sort_name, indexed_by = :edition
WHERE id = :id
RETURNING *
"""


def by_sha256(connection: Connection, owner: str, sha256: str) -> Image | None:
    """Find the image that an owner keeps of these bytes."""
    rows = connection.execute(_BY_SHA256, {"owner": owner, "sha256": sha256})
    return _image(rows[0]) if rows else None


def by_ids(connection: Connection, owner: str, ids: list[str]) -> dict[str, Image]:
    """Find an owner's images by id; leave out what is not there.

    An id that was given out for a fetch leads to the image that was kept of the same bytes.
    """
    found = {each: _by_id(connection, owner, each) for each in ids}
    return {each: image for each, image in found.items() if image}


def by_id(connection: Connection, image_id: str) -> Image | None:
    """Find an image whoever owns it, for who has shown that they may read it."""
    rows = connection.execute(_BY_ID_ALONE, {"id": image_id})
    return _image(rows[0]) if rows else None


def add(connection: Connection, image: Image, text: str = "") -> Image:
    """Keep an image, unless its owner keeps the same bytes; answer the one that is kept.

    `text` is what stands in its file, and finds it. Raises `Unavailable` while the image of the
    same bytes is being deleted.
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
        "number": finding.next_number(connection),
        "indexed_by": words.EDITION,
        **_listed(image.facts, image.name),
    }
    if added := connection.execute(_ADD, row):
        if text:
            finding.set_text(connection, image.image_id, FILE, text)
        finding.index(connection, added[0], (), {})
        return image
    kept = by_sha256(connection, image.owner, image.sha256)
    if kept is None:
        raise Unavailable("The same picture is being deleted now; try again.", retry_after_s=1)
    return kept


def found(connection: Connection, owner: str, wanted: Wanted) -> tuple[list[Image], Place | None]:
    """Find a page of an owner's images, and after which place the list goes on; None at its end."""
    places = finding.found(connection, owner, wanted)
    shown = places[: wanted.limit]
    rows = [
        row
        for each in shown
        for row in connection.execute(_AT, {"owner": owner, "number": each.number})
    ]
    return [_image(row) for row in rows], shown[-1] if len(places) > len(shown) else None


def describe(
    connection: Connection, owner: str, image_id: str, changes: Changes, *, add: bool = False
) -> Image | None:
    """Change how an owner's image is described; with `add`, tags come to those it has.

    None when it is not there; raises `InvalidRequest` when there would be too much metadata.
    """
    rows = connection.execute(_BY_ID, {"owner": owner, "id": image_id})
    if not rows:
        return None
    now = _image(rows[0])
    tags = now.tags if changes.tags is None else tuple(changes.tags)
    if add:
        tags = tagged([*now.tags, *tags])
    name = changes.name or now.name
    row = {
        "owner": owner,
        "id": image_id,
        "tags": written(tags),
        "metadata": written(changed(now.metadata, changes.metadata or {})),
        "is_public": int(now.is_public if changes.public is None else changes.public),
        "name": name,
        "sort_name": _sort_name(name),
    }
    described = connection.execute(_DESCRIBE, row)[0]
    image = _image(described)
    finding.index(connection, described, image.tags, image.metadata)
    return image


def add_text(connection: Connection, owner: str, image_id: str, source: str, text: str) -> bool:
    """Let an owner's image be found by a text of a source; False when it is not there."""
    rows = connection.execute(_BY_ID, {"owner": owner, "id": image_id})
    for row in rows:
        image = _image(row)
        finding.set_text(connection, image_id, source, text)
        finding.index(connection, row, image.tags, image.metadata)
    return bool(rows)


def catch_up(connection: Connection, most: int) -> int:
    """List and index images that an older version kept; tell how many there were, `most` at most.

    Old versions may go on writing such rows until the last of them has ended.
    """
    stale = connection.execute(_STALE, {"edition": words.EDITION, "most": most})
    for row in stale:
        facts = Facts.model_validate_json(row["facts"])
        values = {"id": row["id"], "edition": words.EDITION, **_listed(facts, row["name"])}
        values["number"] = finding.next_number(connection)
        listed = connection.execute(_LIST, values)[0]
        image = _image(listed)
        finding.index(connection, listed, image.tags, image.metadata)
    return len(stale)


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
    """Forget an image, and by what it was found."""
    for row in connection.execute(_REMOVE, {"id": image_id}):
        finding.forget(connection, row)


def hidden(connection: Connection, before: float, most: int) -> list[Image]:
    """List images that were hidden before a moment, the first first."""
    return [_image(row) for row in connection.execute(_HIDDEN, {"before": before, "most": most})]


def some_of(connection: Connection, owner: str, most: int) -> list[str]:
    """List ids of an owner's images that are not on their way out."""
    rows = connection.execute(_SOME_OF_OWNER, {"owner": owner, "most": most})
    return [row["id"] for row in rows]


def expired(
    connection: Connection, before: float, after: tuple[float, str], most: int
) -> list[Image]:
    """List images that came in last before a moment, from one (by age and id) on."""
    wanted = {"before": before, "after": after[0], "after_id": after[1], "most": most}
    return [_image(row) for row in connection.execute(_EXPIRED, wanted)]


def kept_as(connection: Connection, owner: str, image_id: str) -> str:
    """Tell the id under which an image is kept that may go by another one, too."""
    rows = connection.execute(_KEPT_AS, {"owner": owner, "id": image_id})
    return str(rows[0]["image_id"]) if rows else image_id


def _by_id(connection: Connection, owner: str, image_id: str) -> Image | None:
    wanted = {"owner": owner, "id": image_id}
    rows = connection.execute(_BY_ID, wanted)
    if not rows and (kept := kept_as(connection, owner, image_id)) != image_id:
        rows = connection.execute(_BY_ID, wanted | {"id": kept})
    return _image(rows[0]) if rows else None


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
        status=row["status"],
        tags=json.loads(row["tags"]),
        metadata=json.loads(row["metadata"]),
        is_public=bool(row["is_public"]),
    )


def _listed(facts: Facts, name: str | None) -> dict[str, str | int]:
    """Give the columns by which images are listed."""
    return {
        "format": facts.format,
        "width": facts.width,
        "height": facts.height,
        "sort_name": _sort_name(name),
    }


def _sort_name(name: str | None) -> str:
    return (name or "").casefold()[:100]
