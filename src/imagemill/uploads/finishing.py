"""An upload at its end: joined, taken in as any picture, and its own objects let go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Image, Intake, IntakeError
from imagemill.database import Connection, Database
from imagemill.errors import (
    Conflict,
    Expired,
    FieldError,
    ImagemillError,
    IntegrityLost,
    InvalidRequest,
    NotFound,
    PictureRefused,
)
from imagemill.storage import Bucket, Storage, checked
from imagemill.uploads import records
from imagemill.uploads.originals import Also, Originals
from imagemill.uploads.parts import Counter
from imagemill.uploads.records import uploads as rows
from imagemill.uploads.upload import Chunk, Upload, UploadKind, UploadStatus

_FINAL: Final = (PictureRefused, InvalidRequest, IntegrityLost, Expired)
"""What the same bytes will meet again, so that the upload has failed."""


@dataclass(frozen=True, slots=True)
class Finishing:
    """Make images of uploads whose bytes have arrived."""

    database: Database
    storage: Storage
    originals: Originals
    clock: Callable[[], float]

    async def finish(self, owner: Identity, upload: Upload, also: Also | None = None) -> Intake:
        """Take an upload's picture in, once: a second call gives what the first one gave.

        What is wrong with the picture fails the upload for good, and its bytes are removed. Raises
        the refusals of pictures, `Conflict` while nothing has arrived, and `Expired`.
        """
        upload.require_alive(self.clock())
        try:
            return await self._once(owner, upload, also)
        except ImagemillError as error:
            seen = await self.database.read(lambda each: rows.read(each, upload.upload_id))
            if seen.status is UploadStatus.COMPLETED and upload.status is UploadStatus.OPEN:
                return await self._once(owner, seen, also)
            if seen.status is UploadStatus.OPEN and isinstance(error, _FINAL):
                await self._fail(upload, error)
            raise

    async def let_go(self, upload_id: str) -> None:
        """Remove what an upload has in storage; what cannot be removed now, the sweep will."""
        with suppress(ImagemillError):
            await self.remove(upload_id)

    async def remove(self, upload_id: str) -> None:
        """Remove what an upload has in storage."""
        for key in await self.database.read(lambda each: rows.keys(each, upload_id)):
            await self.storage.delete(Bucket.ORIGINALS, key)

    async def _once(self, owner: Identity, upload: Upload, also: Also | None) -> Intake:
        if upload.status is UploadStatus.COMPLETED:
            return await self._again(upload, also)
        laid = await self.originals.lay(await self._joined(upload))

        def record(connection: Connection, intake: Intake) -> None:
            _record(connection, upload, intake)
            if also:
                also(connection, intake)

        intake = await self.originals.keep(owner, laid, also=record)
        await self.let_go(upload.upload_id)
        return intake

    async def _again(self, upload: Upload, also: Also | None) -> Intake:
        intake = Intake(image=await self._image(upload), is_new=upload.is_new)
        if also:
            await self.database.run(lambda each: also(each, intake))
        return intake

    async def _image(self, upload: Upload) -> Image:
        image_id = upload.image_id or ""
        found = await self.database.read(
            lambda each: records.by_ids(each, upload.owner, [image_id])
        )
        if image_id not in found:
            raise NotFound("The image that this upload became was deleted.")
        return found[image_id]

    async def _joined(self, upload: Upload) -> _Joined:
        chunks = await self.database.read(lambda each: rows.kept_chunks(each, upload.upload_id))
        if upload.kind is UploadKind.PRESIGNED:
            await self._measure(upload, chunks[0].storage_key)
        elif not upload.is_whole:
            raise Conflict(
                f"{upload.offset_bytes} of {upload.size_bytes} bytes have arrived; send the rest."
            )
        return _Joined(self.storage, chunks, upload.name, self.originals.limits.max_bytes)

    async def _measure(self, upload: Upload, key: str) -> None:
        """Refuse an object of a wrong size, whoever let it in, before any of it is read."""
        size = await self.storage.size(Bucket.ORIGINALS, key)
        if size is None:
            raise Conflict("No bytes have arrived yet; PUT them to the URL that was signed.")
        Counter(self.originals.limits.max_bytes).add(size)
        _require_size(upload, size)

    async def _fail(self, upload: Upload, error: ImagemillError) -> None:
        told = IntakeError(code=error.code, message=error.message, limit=error.limit)
        await self.database.run(lambda each: rows.fail(each, upload.upload_id, told))
        await self.let_go(upload.upload_id)


@dataclass(frozen=True, slots=True)
class _Joined:
    """The body of an upload: its chunks, one after the other."""

    storage: Storage
    chunks: list[Chunk]
    file_name: str | None
    max_bytes: int
    fields: dict[str, str] = field(default_factory=dict)

    async def pieces(self) -> AsyncIterator[bytes]:
        count = Counter(self.max_bytes)
        for chunk in self.chunks:
            async for piece in self._of(chunk):
                count.add(len(piece))
                yield piece
        if not count.total:
            raise InvalidRequest("The picture is empty; send its bytes.")

    async def _of(self, chunk: Chunk) -> AsyncIterator[bytes]:
        pieces = self.storage.get(Bucket.ORIGINALS, chunk.storage_key)
        if chunk.sha256:
            pieces = checked(pieces, chunk.sha256, size_bytes=chunk.size_bytes)
        try:
            async for piece in pieces:
                yield piece
        except NotFound as error:  # As after a restore: backups leave unfinished uploads out.
            raise Expired("Bytes of the upload are gone; begin a new one.") from error


def _record(connection: Connection, upload: Upload, intake: Intake) -> None:
    """Note the image, unless it is not what was announced; raises what undoes all.

    Its size is compared again: other bytes may have been sent since it was measured.
    """
    _require_size(upload, intake.image.size_bytes)
    found = intake.image.facts.format.media_type
    if upload.kind is UploadKind.PRESIGNED and upload.content_type not in {None, found}:
        wrong = FieldError("content_type", f"is not {found}, which is what arrived.")
        message = f"The picture is {found} and {upload.content_type} was announced."
        raise InvalidRequest(message, errors=[wrong])
    image_id = intake.image.image_id
    if not rows.complete(connection, upload.upload_id, image_id, is_new=intake.is_new):
        raise Conflict("The upload was ended by another request meanwhile.")


def _require_size(upload: Upload, size: int) -> None:
    """Raise `InvalidRequest` unless a picture has as many bytes as were announced."""
    if upload.size_bytes is not None and size != upload.size_bytes:
        message = f"The picture has {size} bytes and {upload.size_bytes} were announced."
        wrong = FieldError("size_bytes", f"is not {size}, which is what arrived.")
        raise InvalidRequest(message, errors=[wrong], limit={"limit_bytes": upload.size_bytes})
