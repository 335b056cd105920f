"""What others may ask of the uploads service."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from typing import Any

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.facts import Facts
from imagemill.contracts.identity import Identity
from imagemill.contracts.model import Contract


class Image(Contract):
    """An original that Imagemill keeps."""

    image_id: str
    owner: str
    storage_key: str
    """Where its bytes lie in the bucket of originals."""
    sha256: str
    size_bytes: int
    facts: Facts
    name: str | None = None
    """What its owner called the file; never used as a path."""
    created_at: float
    """Seconds since 1970, UTC."""
    status: str = "stored"
    """Whether its bytes are there."""
    tags: tuple[str, ...] = ()
    """What its owner puts it under."""
    metadata: dict[str, str] = {}
    """What its owner notes of it, by keys of their own."""
    is_public: bool = False
    """Whether anybody may read it."""


class ImageText(Contract):
    """A text that belongs to an image, by which its owner finds it."""

    source: str
    """What told it, as `ocr`; the next text of the same source takes its place."""
    text: str


class Intake(Contract):
    """What came in with one request body."""

    image: Image
    is_new: bool
    """False when the same bytes of the same owner were kept already."""
    fields: dict[str, str] = {}
    """The other fields of a multipart form, by name."""


class IntakeError(Contract):
    """Why a picture was not taken in."""

    code: str
    """Code of the error, as problems carry it."""
    message: str
    limit: dict[str, Any] = {}
    """The limit that was broken, by name."""


class IntakeItem(Contract):
    """What became of one picture of many: an image or an error."""

    name: str | None
    """What its sender called the file."""
    image: Image | None = None
    error: IntakeError | None = None


class Intakes(Contract):
    """What came in with one form of many pictures."""

    items: list[IntakeItem]
    """One for each picture, in the form's order."""
    fields: dict[str, str] = {}
    """The other fields of the form, by name."""


class ImageIds(Contract):
    """Images to look up."""

    ids: list[str]


class Images(Contract):
    """The images found, by id; what is missing is unknown or somebody else's."""

    images: dict[str, Image]


@dataclass(frozen=True, slots=True)
class UploadsClient:
    """The uploads service, typed."""

    service: ServiceClient

    async def take_in(
        self, body: AsyncIterable[bytes], headers: Mapping[str, str], *, caller: Identity
    ) -> Intake:
        """Hand a request body with a picture on: multipart with `file`, or the bytes themselves.

        `headers` are the request's `content-type` and, where known, `content-length`. Raises the
        typed refusals of pictures.
        """
        reply = await self.service.call(
            "POST", "/internal/intake", body, caller=caller, headers=headers
        )
        return Intake.model_validate_json(reply.body)

    async def take_in_many(
        self, body: AsyncIterable[bytes], headers: Mapping[str, str], *, caller: Identity
    ) -> Intakes:
        """Hand a form on that carries up to 10,000 pictures, each as a field `file`.

        `headers` are as for `take_in`. A picture that is refused is told by its item; raises the
        refusals of the form as a whole, after which the images that were recorded stay.
        """
        reply = await self.service.call(
            "POST", "/internal/intakes", body, caller=caller, headers=headers
        )
        return Intakes.model_validate_json(reply.body)

    async def add_text(self, image_id: str, text: ImageText, *, caller: Identity) -> None:
        """Let an image be found by a text, such as what OCR read; raises `NotFound`."""
        path = f"/internal/images/{image_id}/texts"
        await self.service.call("POST", path, text, caller=caller)

    async def find(self, ids: list[str], *, caller: Identity) -> dict[str, Image]:
        """Look the caller's images up by id; unknown ones are left out."""
        reply = await self.service.call(
            "POST", "/internal/images", ImageIds(ids=ids), caller=caller
        )
        return Images.model_validate_json(reply.body).images
