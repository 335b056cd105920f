"""Uploads by signed URL: the bytes go to the storage without a key, then they are taken in."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass, replace
from typing import Final

from imagemill.contracts.facts import Format, Limits
from imagemill.contracts.identity import Identity
from imagemill.database import Connection, Database
from imagemill.errors import Conflict, FieldError, InvalidRequest, NotFound, TooLarge
from imagemill.storage import Bucket, SignedUrl, Storage, Stored, Wish
from imagemill.uploads.parts import Counter
from imagemill.uploads.records import uploads as rows
from imagemill.uploads.settings import UploadsSettings
from imagemill.uploads.upload import Upload, UploadKind, UploadStatus, object_key
from imagemill.uploads.upload_views import PresignRequest

COMPLETE_WITHIN_S: Final = 3600.0
"""Time to complete an upload after its URL opens no more: a PUT that began in time may go on."""
_FORMATS: Final = frozenset(each.media_type for each in Format)
Kept = Callable[[Connection, SignedUrl, Upload], None]
"""What is written in the transaction that begins an upload."""


@dataclass(frozen=True, slots=True)
class Presigned:
    """Sign URLs for uploads, and take what is sent to them."""

    database: Database
    storage: Storage
    limits: Limits
    settings: UploadsSettings
    clock: Callable[[], float]

    async def begin(
        self, owner: Identity, request: PresignRequest, also: Kept | None = None
    ) -> tuple[Upload, SignedUrl]:
        """Begin an upload and sign its URL.

        Raises `InvalidRequest`, `TooLarge` for more bytes than a picture may have, and `TooMany`.
        """
        most = self._most(request)
        key = object_key()
        wish = Wish(
            "PUT",
            request.expires_in_s,
            content_type=request.content_type,
            max_bytes=most,
            size_bytes=request.size_bytes,
        )
        signed = await self.storage.sign(Bucket.ORIGINALS, key, wish)
        upload = self._upload(owner, request, signed.expires_at)

        def begin(connection: Connection) -> None:
            rows.add(connection, upload, self.settings.max_open_per_owner)
            rows.begin_chunk(connection, upload.upload_id, key, at_bytes=0)
            if also:
                also(connection, signed, upload)

        await self.database.run(begin)
        return upload, signed

    async def receive(self, key: str, content: AsyncIterable[bytes], most: int) -> Stored:
        """Store what is sent to a signed URL, in the place of what was sent before.

        Raises `NotFound` for an object of no upload, `Conflict` once the upload has ended, and
        `TooLarge`; then nothing is kept of this body.
        """
        await self._require_open(key)
        stored = await self.storage.put(Bucket.ORIGINALS, key, _counted(content, most))
        try:
            await self._require_open(key)
        except (Conflict, NotFound):
            await self.storage.delete(Bucket.ORIGINALS, key)
            raise
        return stored

    async def _require_open(self, key: str) -> None:
        upload = await self.database.read(lambda each: rows.by_key(each, key))
        if upload is None:
            raise NotFound("There is no such object.")
        if upload.status is not UploadStatus.OPEN:
            raise Conflict("The upload has ended and takes no more bytes; begin a new one.")

    def _most(self, request: PresignRequest) -> int:
        if request.content_type not in {None, *_FORMATS}:
            known = ", ".join(sorted(_FORMATS))
            wrong = FieldError("content_type", f"is none that is read here; there are {known}.")
            raise InvalidRequest("The upload cannot be of this type.", errors=[wrong])
        if request.size_bytes is not None and request.size_bytes > self.limits.max_bytes:
            raise TooLarge(
                f"A picture may have {self.limits.max_bytes} bytes; send a smaller file.",
                limit={"limit_bytes": self.limits.max_bytes},
            )
        return request.size_bytes or self.limits.max_bytes

    def _upload(self, owner: Identity, request: PresignRequest, until: float) -> Upload:
        upload = Upload(
            upload_id=str(uuid.uuid4()),
            owner=owner.account,
            kind=UploadKind.PRESIGNED,
            created_at=self.clock(),
            expires_at=until + COMPLETE_WITHIN_S,
        )
        return replace(
            upload,
            content_type=request.content_type,
            size_bytes=request.size_bytes,
            name=request.name,
        )


async def _counted(content: AsyncIterable[bytes], most: int) -> AsyncIterable[bytes]:
    count = Counter(most)
    async for piece in content:
        count.add(len(piece))
        yield piece
    if not count.total:
        raise InvalidRequest("The body is empty; send the picture's bytes.")
