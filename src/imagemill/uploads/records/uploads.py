"""The rows of uploads that take more than one request, and of the chunks that they arrived in."""

from __future__ import annotations

from dataclasses import replace

from imagemill.contracts.uploads import IntakeError
from imagemill.database import Connection, Row
from imagemill.errors import Conflict, TooMany
from imagemill.uploads.upload import Chunk, Upload, UploadKind, UploadStatus, no_upload

_ADD = """
INSERT INTO uploads
    (id, owner, kind, status, content_type, size_bytes, name, metadata, created_at, expires_at)
VALUES
    (:id, :owner, :kind, 'open', :content_type, :size_bytes, :name, :metadata, :created_at,
     :expires_at)
"""
_COUNT_OPEN = """
SELECT COUNT(*) AS found FROM uploads
WHERE owner = :owner AND status = 'open' AND expires_at > :now
"""
_FIND = "SELECT * FROM uploads WHERE id = :id AND owner = :owner AND status <> 'given up'"
_READ = "SELECT * FROM uploads WHERE id = :id"
_BY_KEY = """
SELECT uploads.* FROM chunks JOIN uploads ON uploads.id = chunks.upload_id
WHERE chunks.storage_key = :storage_key
"""
_BEGIN_CHUNK = """
INSERT INTO chunks (storage_key, upload_id, at_bytes) VALUES (:storage_key, :upload_id, :at_bytes)
"""
_COUNT_CHUNKS = """
SELECT COUNT(*) AS found FROM chunks WHERE upload_id = :upload_id AND at_bytes IS NOT NULL
"""
_KEEP_CHUNK = """
UPDATE chunks SET at_bytes = :at_bytes, size_bytes = :size_bytes, sha256 = :sha256
WHERE storage_key = :storage_key
"""
_FORGET_CHUNK = "DELETE FROM chunks WHERE storage_key = :storage_key"
_ADVANCE = """
UPDATE uploads SET offset_bytes = :to_bytes, expires_at = :expires_at
WHERE id = :id AND status = 'open' AND offset_bytes = :at_bytes
RETURNING *
"""
_KEPT_CHUNKS = """
SELECT * FROM chunks WHERE upload_id = :upload_id AND at_bytes IS NOT NULL ORDER BY at_bytes
"""
_KEYS = "SELECT storage_key FROM chunks WHERE upload_id = :upload_id"
_COMPLETE = """
UPDATE uploads SET status = 'completed', image_id = :image_id, is_new = :is_new
WHERE id = :id AND status = 'open'
RETURNING id
"""
_FAIL = """
UPDATE uploads SET status = 'failed', error = :error WHERE id = :id AND status = 'open'
RETURNING id
"""
_GIVE_UP = """
UPDATE uploads SET status = 'given up'
WHERE id = :id AND owner = :owner AND status <> 'given up'
RETURNING *
"""
_EXPIRE = """
UPDATE uploads SET status = 'expired' WHERE id IN (
    SELECT id FROM uploads WHERE status = 'open' AND expires_at <= :now
    ORDER BY expires_at LIMIT :most
)
RETURNING *
"""
_OVER = "SELECT * FROM uploads WHERE expires_at <= :before ORDER BY expires_at LIMIT :most"
_SOME_OF_OWNER = "SELECT id FROM uploads WHERE owner = :owner LIMIT :most"
_FORGET_CHUNKS = "DELETE FROM chunks WHERE upload_id = :id"
_FORGET = "DELETE FROM uploads WHERE id = :id"


def add(connection: Connection, upload: Upload, most_open: int) -> None:
    """Begin an upload; raises `TooMany` when its owner has so many open ones."""
    of_owner = {"owner": upload.owner, "now": upload.created_at}
    if connection.execute(_COUNT_OPEN, of_owner)[0]["found"] >= most_open:
        raise TooMany(
            f"There are {most_open} open uploads already, as many as one owner may have; complete "
            "some or give them up.",
            limit={"limit_uploads": most_open},
        )
    row = {
        "id": upload.upload_id,
        "owner": upload.owner,
        "kind": upload.kind,
        "content_type": upload.content_type,
        "size_bytes": upload.size_bytes,
        "name": upload.name,
        "metadata": upload.metadata,
        "created_at": upload.created_at,
        "expires_at": upload.expires_at,
    }
    connection.execute(_ADD, row)


def find(connection: Connection, owner: str, upload_id: str) -> Upload:
    """Find an owner's upload; raises `NotFound` for one that was given up, too."""
    rows = connection.execute(_FIND, {"id": upload_id, "owner": owner})
    if not rows:
        raise no_upload()
    return _upload(rows[0])


def read(connection: Connection, upload_id: str) -> Upload:
    """Read an upload anew, whatever became of it; raises `NotFound` when it was forgotten."""
    rows = connection.execute(_READ, {"id": upload_id})
    if not rows:
        raise no_upload()
    return _upload(rows[0])


def by_key(connection: Connection, storage_key: str) -> Upload | None:
    """Find the upload that an object belongs to."""
    rows = connection.execute(_BY_KEY, {"storage_key": storage_key})
    return _upload(rows[0]) if rows else None


def begin_chunk(
    connection: Connection, upload_id: str, storage_key: str, *, at_bytes: int | None = None
) -> None:
    """Note that an object may lie there; with its place, that it belongs to the upload."""
    row = {"storage_key": storage_key, "upload_id": upload_id, "at_bytes": at_bytes}
    connection.execute(_BEGIN_CHUNK, row)


def forget_chunks(connection: Connection, storage_keys: list[str]) -> None:
    """Note that there are no such objects."""
    connection.execute_many(_FORGET_CHUNK, [{"storage_key": each} for each in storage_keys])


def keep_chunks(
    connection: Connection, upload: Upload, chunks: list[Chunk], *, expires_at: float, most: int
) -> Upload:
    """Add chunks to the end of an upload, and give it as it is then.

    Raises `Conflict` when it does not end any more where `upload` says (another request, perhaps
    of another process, was faster, or it is no longer open) and `TooMany` beyond `most` chunks.
    """
    _bounded(connection, upload.upload_id, len(chunks), most)
    added = sum(each.size_bytes or 0 for each in chunks)
    wanted = {
        "id": upload.upload_id,
        "at_bytes": upload.offset_bytes,
        "to_bytes": upload.offset_bytes + added,
        "expires_at": expires_at,
    }
    rows = connection.execute(_ADVANCE, wanted)
    if not rows:
        raise Conflict("The upload does not end there any more; ask for its offset with HEAD.")
    connection.execute_many(_KEEP_CHUNK, [_row_of(each) for each in chunks])
    return _upload(rows[0])


def kept_chunks(connection: Connection, upload_id: str) -> list[Chunk]:
    """List the chunks that make up an upload, the first first."""
    rows = connection.execute(_KEPT_CHUNKS, {"upload_id": upload_id})
    return [
        Chunk(row["storage_key"], row["at_bytes"], row["size_bytes"], row["sha256"]) for row in rows
    ]


def keys(connection: Connection, upload_id: str) -> list[str]:
    """List every object that an upload may have in storage."""
    rows = connection.execute(_KEYS, {"upload_id": upload_id})
    return [row["storage_key"] for row in rows]


def complete(connection: Connection, upload_id: str, image_id: str, *, is_new: bool) -> bool:
    """Note the image that an upload became; False when it is no longer open."""
    row = {"id": upload_id, "image_id": image_id, "is_new": int(is_new)}
    return bool(connection.execute(_COMPLETE, row))


def fail(connection: Connection, upload_id: str, error: IntakeError) -> bool:
    """Note why an upload became nothing; False when it is no longer open."""
    return bool(connection.execute(_FAIL, {"id": upload_id, "error": error.model_dump_json()}))


def give_up(connection: Connection, owner: str, upload_id: str) -> Upload:
    """Take an owner's upload out of sight; raises `NotFound`."""
    rows = connection.execute(_GIVE_UP, {"id": upload_id, "owner": owner})
    if not rows:
        raise no_upload()
    return _upload(rows[0])


def expire(connection: Connection, now: float, most: int) -> list[Upload]:
    """Note of open uploads whose time is over that it is, so many at most, and give them."""
    return [_upload(row) for row in connection.execute(_EXPIRE, {"now": now, "most": most})]


def over(connection: Connection, before: float, most: int) -> list[Upload]:
    """List uploads whose time was over before a moment, however they ended."""
    return [_upload(row) for row in connection.execute(_OVER, {"before": before, "most": most})]


def some_of(connection: Connection, owner: str, most: int) -> list[str]:
    """List ids of an owner's uploads, however they ended."""
    rows = connection.execute(_SOME_OF_OWNER, {"owner": owner, "most": most})
    return [row["id"] for row in rows]


def forget(connection: Connection, upload_ids: list[str]) -> None:
    """Remove uploads, of which no object is left."""
    ids = [{"id": each} for each in upload_ids]
    connection.execute_many(_FORGET_CHUNKS, ids)
    connection.execute_many(_FORGET, ids)


def _bounded(connection: Connection, upload_id: str, more: int, most: int) -> None:
    found = connection.execute(_COUNT_CHUNKS, {"upload_id": upload_id})[0]["found"]
    if found + more > most:
        raise TooMany(
            f"The upload came in {most} chunks, as many as it may; begin a new one and send more "
            "at once.",
            limit={"limit_chunks": most},
        )


def _row_of(chunk: Chunk) -> dict[str, str | int | None]:
    return {
        "storage_key": chunk.storage_key,
        "at_bytes": chunk.at_bytes,
        "size_bytes": chunk.size_bytes,
        "sha256": chunk.sha256,
    }


def _upload(row: Row) -> Upload:
    upload = Upload(
        upload_id=row["id"],
        owner=row["owner"],
        kind=UploadKind(row["kind"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        status=UploadStatus(row["status"]),
        content_type=row["content_type"],
        size_bytes=row["size_bytes"],
        name=row["name"],
        metadata=row["metadata"],
    )
    error = IntakeError.model_validate_json(row["error"]) if row["error"] else None
    return replace(
        upload,
        offset_bytes=row["offset_bytes"],
        image_id=row["image_id"],
        is_new=bool(row["is_new"]),
        error=error,
    )
