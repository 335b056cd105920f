"""Uploads that take more than one request, as clients see them and ask for them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from imagemill.signing import LONGEST_S
from imagemill.storage import SignedUrl
from imagemill.uploads.tus import described
from imagemill.uploads.upload import Upload, UploadKind, UploadStatus

_USUAL_S: Final = 900


class PresignRequest(BaseModel):
    """What a signed URL is wanted for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    content_type: str | None = Field(
        None,
        max_length=100,
        description="Media type of the picture. The PUT has to send it, and the picture has to be "
        "of it. Left out: any that is read here.",
        examples=["image/jpeg"],
    )
    size_bytes: int | None = Field(
        None, ge=1, description="Exact size of the picture. Left out: any up to the limit."
    )
    name: str | None = Field(
        None, min_length=1, max_length=255, description="What the file is called."
    )
    expires_in_s: int = Field(
        _USUAL_S, ge=1, le=LONGEST_S, description="Seconds for which the URL opens."
    )


class PresignedView(BaseModel):
    """A URL to which the bytes of one picture can be sent, without a key."""

    model_config = ConfigDict(frozen=True)

    upload_id: str
    method: Literal["PUT", "GET"] = Field(description="How to ask the URL.", examples=["PUT"])
    url: str = Field(description="Where to send the bytes.")
    headers: dict[str, str] = Field(description="Headers to send, as they stand here.")
    expires_at: datetime = Field(description="Until when the URL opens.")
    max_bytes: int = Field(description="Most bytes that are taken.")


class UploadFailure(BaseModel):
    """Why an upload became no image."""

    model_config = ConfigDict(frozen=True)

    code: str = Field(description="As problems carry it.", examples=["unsupported_format"])
    message: str
    limit: dict[str, Any] = Field(default={}, description="The limit that was broken, by name.")


class UploadView(BaseModel):
    """How an upload stands."""

    model_config = ConfigDict(frozen=True)

    upload_id: str
    kind: UploadKind = Field(
        description="`presigned` by one signed PUT, `resumable` in chunks by tus."
    )
    status: Literal["open", "completed", "failed", "expired"]
    content_type: str | None = Field(description="What was announced.")
    size_bytes: int | None = Field(description="What was announced.")
    offset_bytes: int | None = Field(description="Bytes that are kept of a resumable upload.")
    name: str | None
    metadata: dict[str, str] = Field(
        description="What its sender told of a resumable upload, where it is text."
    )
    image_id: str | None = Field(description="The image that it became.")
    error: UploadFailure | None = Field(description="Why it failed.")
    created_at: datetime
    expires_at: datetime = Field(description="By when it has to be completed.")


def presigned_view(upload: Upload, signed: SignedUrl) -> PresignedView:
    """Tell how to send the bytes."""
    assert signed.max_bytes is not None
    return PresignedView(
        upload_id=upload.upload_id,
        method=signed.method,
        url=signed.url,
        headers=dict(signed.headers),
        expires_at=datetime.fromtimestamp(signed.expires_at, UTC),
        max_bytes=signed.max_bytes,
    )


def upload_view(upload: Upload, now: float) -> UploadView:
    """Show an upload to its owner."""
    error = upload.error
    return UploadView.model_validate(
        {
            "upload_id": upload.upload_id,
            "kind": upload.kind,
            "status": UploadStatus.EXPIRED if upload.is_expired(now) else upload.status,
            "content_type": upload.content_type,
            "size_bytes": upload.size_bytes,
            "offset_bytes": upload.offset_bytes if upload.kind is UploadKind.RESUMABLE else None,
            "name": upload.name,
            "metadata": described(upload.metadata or ""),
            "image_id": upload.image_id,
            "error": UploadFailure(**error.model_dump()) if error else None,
            "created_at": datetime.fromtimestamp(upload.created_at, UTC),
            "expires_at": datetime.fromtimestamp(upload.expires_at, UTC),
        }
    )
