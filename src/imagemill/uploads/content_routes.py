"""Originals over HTTP: read by their owner or by a link, and linked to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final

from fastapi import FastAPI, Path, Request, Response

from imagemill.contracts.facts import Format
from imagemill.contracts.uploads import Image
from imagemill.errors import NotFound
from imagemill.storage import Bucket
from imagemill.uploads.service import Uploads
from imagemill.web import NO_QUERY, Caller
from imagemill.web.delivery import WHILE_PUBLIC, Audience, Delivered, deliver
from imagemill.web.disposition import saved_name
from imagemill.web.links import (
    CONDITIONAL,
    LINK,
    OPEN,
    OPENED_BY_SIGNATURE,
    Link,
    is_signed,
    wanted_link,
)
from imagemill.web.openapi import file_of, problem

ImageId = Annotated[str, Path(description="Id of the image, as the upload told it.")]
_PATH: Final = "/api/v1/images/{image_id}"
_PUBLIC: Final = "/public/images/{image_id}"
_FILE: Final[dict[str, Any]] = {
    "response_class": Response,
    "responses": {
        **file_of("The original's bytes.", "image/*"),
        409: problem("The image is being fetched."),
        **CONDITIONAL,
    },
    "tags": ["images"],
}


def add_content(app: FastAPI, uploads: Uploads) -> None:
    """Let an app give originals out."""
    routes = _Routes(uploads)
    signed: dict[str, Any] = {**_FILE, "openapi_extra": OPENED_BY_SIGNATURE}
    app.get(f"{_PATH}/content", **signed)(routes.content)
    app.head(f"{_PATH}/content", name="content_head", **signed)(routes.content)
    app.post(f"{_PATH}/links", **LINK, tags=["images"], dependencies=[NO_QUERY])(routes.link)
    public: dict[str, Any] = {**_FILE, "openapi_extra": OPEN, "dependencies": [NO_QUERY]}
    app.get(_PUBLIC, name="public", **public)(routes.public)
    app.head(_PUBLIC, name="public_head", **public)(routes.public)


@dataclass(frozen=True, slots=True)
class _Routes:
    uploads: Uploads

    async def content(self, request: Request, image_id: ImageId, caller: Caller) -> Response:
        """Give an original's bytes back, unchanged, as a download.

        To its owner, or to who has a signed URL of it. One range of it can be asked for; several
        are answered whole.
        """
        audience = self.uploads.links.audience(request, caller)
        if is_signed(request):
            image = await self.uploads.any(image_id)
        else:
            image = await self.uploads.get_stored(caller, image_id)
        return await self._delivered(request, image, audience)

    async def link(self, request: Request, image_id: ImageId, caller: Caller) -> Link:
        """Make a link to an original that needs no key and holds for a while.

        Whoever has it can read the original until then, and nothing else.
        """
        wanted = await wanted_link(request)
        image = await self.uploads.get(caller, image_id)
        return self.uploads.links.signed(f"/api/v1/images/{image.image_id}/content", wanted)

    async def public(self, request: Request, image_id: ImageId) -> Response:
        """Give the bytes of a public original to anybody, to be shown on any page."""
        image = await self.uploads.any(image_id)
        if not image.is_public:
            raise NotFound("There is no such image.")
        return await self._delivered(request, image, WHILE_PUBLIC)

    async def _delivered(self, request: Request, image: Image, audience: Audience) -> Response:
        what = Delivered(
            media_type=image.facts.format.media_type,
            size_bytes=image.size_bytes,
            sha256=image.sha256,
            written_at=image.created_at,
            file_name=saved_name(image.name, image.image_id, image.facts.format),
            inline=audience is WHILE_PUBLIC and image.facts.format is not Format.SVG,
            audience=audience,
        )
        read = partial(self.uploads.storage.get, Bucket.ORIGINALS, image.storage_key)
        return await deliver(request, what, lambda start, end: read(start=start, end=end))
