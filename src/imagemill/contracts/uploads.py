"""What others may ask of the uploads service."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass

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


class Intake(Contract):
    """What came in with one request body."""

    image: Image
    is_new: bool
    """False when the same bytes of the same owner were kept already."""
    fields: dict[str, str] = {}
    """The other fields of a multipart form, by name."""


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

    async def find(self, ids: list[str], *, caller: Identity) -> dict[str, Image]:
        """Look the caller's images up by id; unknown ones are left out."""
        reply = await self.service.call(
            "POST", "/internal/images", ImageIds(ids=ids), caller=caller
        )
        return Images.model_validate_json(reply.body).images
