"""Images as clients see them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from imagemill.contracts.facts import Format
from imagemill.contracts.problem import Problem, problem_of
from imagemill.contracts.uploads import Image
from imagemill.errors import by_code
from imagemill.uploads.fetch import Fetch, FetchStatus
from imagemill.web.links import FileLinks


class ImageView(BaseModel):
    """An original that Imagemill keeps."""

    model_config = ConfigDict(frozen=True)

    image_id: str = Field(examples=["1ad4c88f-afcc-42ef-b0f1-c0cdda1e0973"])
    status: Literal["stored"] = Field("stored", description="The image is kept.")
    format: Format = Field(description="By the file's first bytes, whatever its name says.")
    media_type: str = Field(examples=["image/jpeg"])
    width: int = Field(description="Pixels across, upright.", examples=[4000])
    height: int = Field(description="Pixels down, upright, of one frame.", examples=[3000])
    frames: int = Field(description="Frames of an animation or pages of a document.")
    orientation: int = Field(description="EXIF orientation in the file, already counted in.")
    has_alpha: bool = Field(description="Whether the picture has transparency.", examples=[False])
    size_bytes: int = Field(examples=[2048576])
    sha256: str = Field(description="Of the original's bytes, in hexadecimal digits.")
    name: str | None = Field(description="What its sender called the file.", examples=["photo.jpg"])
    created_at: datetime
    tags: tuple[str, ...] = Field(description="What you put it under.", examples=[["sea"]])
    metadata: dict[str, str] = Field(
        description="What you noted of it, by keys of your own.", examples=[{"project": "atlas"}]
    )
    public: bool = Field(description="Whether anybody may read it at `public_url`.")
    public_url: str | None = Field(
        description="Where anybody may read it; null unless it is public.", examples=[None]
    )
    url: str = Field(
        description="Where the bytes are, for callers with a key.",
        examples=["/api/v1/images/1ad4c88f-afcc-42ef-b0f1-c0cdda1e0973/content"],
    )


class FetchView(BaseModel):
    """An image that is fetched from a URL, or could not be."""

    model_config = ConfigDict(frozen=True)

    image_id: str = Field(
        description="The image's id, from the beginning. Where the same bytes were kept before, it "
        "leads to that image.",
        examples=["1ad4c88f-afcc-42ef-b0f1-c0cdda1e0973"],
    )
    status: FetchStatus = Field(
        description="`pending` while it is fetched, then `stored` or `failed`."
    )
    origin_url: str = Field(description="Where it is fetched from.")
    name: str | None = Field(description="What its sender called the file.", examples=["photo.jpg"])
    created_at: datetime
    error: Problem | None = Field(None, description="Why there is no image, once that is sure.")


class ImageList(BaseModel):
    """One page of a list of images."""

    model_config = ConfigDict(frozen=True)

    images: list[ImageView | FetchView]
    next: str | None = Field(
        description="`cursor` of the next page; null where there is none.", examples=[None]
    )


def public_path(image: Image) -> str:
    """Tell where anybody may read an image that is public."""
    return f"/public/images/{image.image_id}"


def image_view(image: Image, links: FileLinks) -> ImageView:
    """Show an image to its owner."""
    return ImageView(
        image_id=image.image_id,
        format=image.facts.format,
        media_type=image.facts.format.media_type,
        width=image.facts.width,
        height=image.facts.height,
        frames=image.facts.frames,
        orientation=image.facts.orientation,
        has_alpha=image.facts.has_alpha,
        size_bytes=image.size_bytes,
        sha256=image.sha256,
        name=image.name,
        created_at=datetime.fromtimestamp(image.created_at, UTC),
        status=image.status,
        tags=image.tags,
        metadata=image.metadata,
        public=image.is_public,
        public_url=links.to(public_path(image)) if image.is_public else None,
        url=f"/api/v1/images/{image.image_id}/content",
    )


def fetch_view(fetch: Fetch) -> FetchView:
    """Show an image to its owner that is not there, or not yet."""
    return FetchView(
        image_id=fetch.image_id,
        status=fetch.status,
        origin_url=fetch.url,
        name=fetch.name,
        created_at=datetime.fromtimestamp(fetch.created_at, UTC),
        error=_problem(fetch),
    )


def _problem(fetch: Fetch) -> Problem | None:
    if fetch.error is None:
        return None
    error = by_code(fetch.error["code"])(fetch.error["message"], limit=fetch.error["limit"])
    return problem_of(error)
