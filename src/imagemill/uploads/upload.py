"""An upload: a picture on its way in that takes more than one request."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum

from imagemill.contracts.uploads import IntakeError
from imagemill.errors import Expired, ImagemillError, NotFound, by_code


class UploadKind(StrEnum):
    """How the bytes arrive."""

    PRESIGNED = "presigned"
    RESUMABLE = "resumable"


class UploadStatus(StrEnum):
    """What became of an upload; only an open one takes bytes."""

    OPEN = "open"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload of one owner."""

    upload_id: str
    owner: str
    kind: UploadKind
    created_at: float
    """Seconds since 1970, UTC."""
    expires_at: float
    """When it expires unless it was completed before; later with each byte of a resumable one."""
    status: UploadStatus = UploadStatus.OPEN
    content_type: str | None = None
    """What was announced. The picture of a signed URL has to be of it; what the sender of a
    resumable one takes it for does not count."""
    size_bytes: int | None = None
    """Bytes that were announced; a resumable upload always announces them."""
    name: str | None = None
    """What its sender calls the file."""
    metadata: str | None = None
    """`Upload-Metadata` as it was sent."""
    offset_bytes: int = 0
    """Bytes that are kept of a resumable upload."""
    image_id: str | None = None
    """The image that it became."""
    is_new: bool = False
    """Whether that image was not kept before."""
    error: IntakeError | None = None
    """Why it failed."""

    @property
    def is_whole(self) -> bool:
        """Whether every byte of a resumable upload is kept."""
        return self.offset_bytes == self.size_bytes

    def require_alive(self, now: float) -> None:
        """Raise what an upload answers that ended otherwise than well."""
        if self.status is UploadStatus.GIVEN_UP:
            raise no_upload()
        if self.error:
            raise failure_of(self.error)
        if self.is_expired(now):
            raise Expired("The upload was not completed in time; begin a new one.")

    def is_expired(self, now: float) -> bool:
        """Tell whether its time is over, noted already or not."""
        is_late = self.status is UploadStatus.OPEN and self.expires_at <= now
        return is_late or self.status is UploadStatus.EXPIRED


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of an upload that lie in storage as an object of their own."""

    storage_key: str
    at_bytes: int
    """Where in the picture its first byte belongs."""
    size_bytes: int | None
    """None for the object of a signed URL, which is measured when the upload is completed."""
    sha256: str | None


def object_key() -> str:
    """Make the key of a chunk's object: one that nobody guesses, in one of 256 folders."""
    name = str(uuid.uuid4())
    return f"uploads/{name[:2]}/{name}"


def no_upload() -> NotFound:
    """Make the answer for an upload that is not there, or is somebody else's."""
    return NotFound("There is no such upload.")


def failure_of(error: IntakeError) -> ImagemillError:
    """Make the error again by which an upload failed."""
    return by_code(error.code)(error.message, limit=error.limit)
