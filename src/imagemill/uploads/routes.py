"""The uploads service over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Path, Request, Response

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import ImageIds, Images, Intake
from imagemill.errors import FieldError, InvalidRequest
from imagemill.storage import Bucket
from imagemill.uploads.service import Uploads
from imagemill.uploads.views import ImageView, image_view
from imagemill.web import NO_QUERY, Caller, body_stream, service_app
from imagemill.web.delivery import Delivered, deliver
from imagemill.web.internal import answer_services, asked
from imagemill.web.openapi import BYTES, PICTURE_PROBLEMS, Described, file_of, location

_ImageId = Annotated[str, Path(description="Id of the image, as the upload told it.")]
_PICTURE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The picture as the field `file` of a form, or its bytes as the body.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {**BYTES, "description": "The picture."}},
                    "additionalProperties": False,
                }
            },
            "image/*": {"schema": BYTES},
        },
    }
}
_LOCATION = location("Where to ask about the image.")
_TAKEN_IN: Described = {
    200: {
        "model": ImageView,
        "description": "The same bytes were kept already.",
        "headers": _LOCATION,
    },
    201: {"description": "The picture is kept.", "headers": _LOCATION},
    **PICTURE_PROBLEMS,
}


def app_of(uploads: Uploads) -> FastAPI:
    """Make the HTTP side of the uploads service."""
    app = service_app("Imagemill uploads", uploads.signer)
    routes = _Routes(uploads)
    app.post(
        "/api/v1/images",
        status_code=HTTPStatus.CREATED,
        responses=_TAKEN_IN,
        openapi_extra=_PICTURE,
        tags=["images"],
        dependencies=[NO_QUERY],
    )(routes.take_in)
    app.get("/api/v1/images/{image_id}", tags=["images"], dependencies=[NO_QUERY])(routes.show)
    app.get(
        "/api/v1/images/{image_id}/content",
        response_class=Response,
        responses=file_of("The original's bytes.", "image/*"),
        tags=["images"],
        dependencies=[NO_QUERY],
    )(routes.content)
    answer_services(app, "POST", "/internal/intake", routes.intake)
    answer_services(app, "POST", "/internal/images", routes.find)
    return app


@dataclass(frozen=True, slots=True)
class _Routes:
    uploads: Uploads

    async def take_in(self, request: Request, response: Response, caller: Caller) -> ImageView:
        """Take a picture in: 201 with what it is, 200 when the same bytes are kept already."""
        _refuse_json(request)
        intake = await self.uploads.take_in(caller, body_stream(request), request.headers)
        _refuse_fields(intake)
        if not intake.is_new:
            response.status_code = HTTPStatus.OK
        response.headers["location"] = f"/api/v1/images/{intake.image.image_id}"
        return image_view(intake.image)

    async def show(self, image_id: _ImageId, caller: Caller) -> ImageView:
        """Show what is known of an image."""
        return image_view(await self.uploads.get(caller, image_id))

    async def content(self, request: Request, image_id: _ImageId, caller: Caller) -> Response:
        """Give an original's bytes back, unchanged, as a download."""
        image = await self.uploads.get(caller, image_id)
        what = Delivered(
            media_type=image.facts.format.media_type,
            size_bytes=image.size_bytes,
            sha256=image.sha256,
            file_name=f"{image.image_id}.{image.facts.format}",
            inline=False,
        )
        stored = self.uploads.storage.get(Bucket.ORIGINALS, image.storage_key)
        return await deliver(request, what, stored)

    async def intake(self, request: Request, caller: Identity) -> Intake:
        """Take a picture in for another service, with the form's other fields."""
        return await self.uploads.take_in(caller, body_stream(request), request.headers)

    async def find(self, request: Request, caller: Identity) -> Images:
        """Look images up for another service."""
        wanted = await asked(request, ImageIds)
        return Images(images=await self.uploads.find(caller, wanted.ids))


def _refuse_json(request: Request) -> None:
    if request.headers.get("content-type", "").startswith("application/json"):
        problem = FieldError("url", "cannot be fetched by this version; send the bytes.")
        raise InvalidRequest("Send a picture as a form or as raw bytes.", errors=[problem])


def _refuse_fields(intake: Intake) -> None:
    if intake.fields:
        errors = [FieldError(name, "is not a field of this form.") for name in intake.fields]
        raise InvalidRequest("The form has fields that are not known.", errors=errors)
