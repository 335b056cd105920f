"""The uploads service over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Image, ImageIds, Images, Intake, Intakes
from imagemill.database import Connection
from imagemill.errors import FieldError, InvalidRequest
from imagemill.idempotency import Remembered, Running, check, fingerprint, key_of
from imagemill.idempotency import records as answers
from imagemill.uploads.content_routes import ImageId, add_content
from imagemill.uploads.originals import Also
from imagemill.uploads.service import Uploads
from imagemill.uploads.views import ImageView, image_view
from imagemill.web import NO_QUERY, Caller, body_stream, only_query, service_app
from imagemill.web.answers import json_answer
from imagemill.web.internal import answer_services, asked
from imagemill.web.openapi import (
    BYTES,
    IDEMPOTENCY_KEY,
    IN_PROGRESS,
    PICTURE_PROBLEMS,
    REPLAYED,
    Described,
    location,
    problem,
)

_Force = Annotated[bool, Query(description="Cancel the jobs that use the image.")]
_PICTURE: dict[str, Any] = {
    "parameters": [IDEMPOTENCY_KEY],
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
    },
}
_MADE = location("Where to ask about the image.") | REPLAYED
_TAKEN_IN: Described = {
    200: {
        "model": ImageView,
        "description": "The same bytes were kept already.",
        "headers": _MADE,
    },
    201: {"description": "The picture is kept.", "headers": _MADE},
    **IN_PROGRESS,
    **PICTURE_PROBLEMS,
}


def app_of(uploads: Uploads) -> FastAPI:
    """Make the HTTP side of the uploads service."""
    app = service_app("Imagemill uploads", uploads.signer)
    routes = _Routes(uploads)
    app.post(
        "/api/v1/images",
        status_code=HTTPStatus.CREATED,
        response_model=ImageView,
        responses=_TAKEN_IN,
        openapi_extra=_PICTURE,
        tags=["images"],
        dependencies=[NO_QUERY],
    )(routes.take_in)
    app.get("/api/v1/images/{image_id}", tags=["images"], dependencies=[NO_QUERY])(routes.show)
    add_content(app, uploads)
    app.delete(
        "/api/v1/images/{image_id}",
        status_code=HTTPStatus.NO_CONTENT,
        response_class=Response,
        responses={409: problem("Jobs that have not ended use the image.")},
        tags=["images"],
        dependencies=[only_query("force")],
    )(routes.remove)
    answer_services(app, "POST", "/internal/intake", routes.intake)
    answer_services(app, "POST", "/internal/intakes", routes.intakes)
    answer_services(app, "POST", "/internal/images", routes.find)
    return app


@dataclass(frozen=True, slots=True)
class _Routes:
    uploads: Uploads
    running: Running = field(default_factory=Running)

    async def take_in(self, request: Request, caller: Caller) -> Response:
        """Take a picture in: 201 with what it is, 200 when the same bytes are kept already."""
        _refuse_json(request)
        key = key_of(request)
        if key is None:
            return _answer(await self._taken_in(request, caller))
        with self.running.entered(caller.account, key):
            return await self._once(request, caller, key)

    async def show(self, image_id: ImageId, caller: Caller) -> ImageView:
        """Show what is known of an image."""
        return image_view(await self.uploads.get(caller, image_id))

    async def remove(self, image_id: ImageId, caller: Caller, *, force: _Force = False) -> None:
        """Delete an image.

        Results that were made of it stay. Jobs that have not ended use it still: then the answer
        is 409, unless `force` is given.
        """
        await self.uploads.remove(caller, image_id, force=force)

    async def intake(self, request: Request, caller: Identity) -> Intake:
        """Take a picture in for another service, with the form's other fields."""
        return await self.uploads.take_in(caller, body_stream(request), request.headers)

    async def intakes(self, request: Request, caller: Identity) -> Intakes:
        """Take the pictures of a form in for another service, with the form's other fields."""
        return await self.uploads.take_in_many(caller, body_stream(request), request.headers)

    async def find(self, request: Request, caller: Identity) -> Images:
        """Look images up for another service."""
        wanted = await asked(request, ImageIds)
        return Images(images=await self.uploads.find(caller, wanted.ids))

    async def _taken_in(
        self, request: Request, caller: Identity, also: Also | None = None
    ) -> Intake:
        return await self.uploads.take_in(
            caller, body_stream(request), request.headers, alone=True, also=also
        )

    async def _once(self, request: Request, caller: Identity, key: str) -> Response:
        remembered = await self.uploads.remembered(caller, key)
        if remembered:
            sha256 = await self.uploads.digest(body_stream(request), request.headers)
            check(remembered, _meaning(sha256))
            return remembered.answer()

        def remember(connection: Connection, intake: Intake) -> None:
            answer = self._remembered(intake)
            answers.keep(connection, caller.account, key, answer)

        return _answer(await self._taken_in(request, caller, remember))

    def _remembered(self, intake: Intake) -> Remembered:
        return Remembered(
            fingerprint=_meaning(intake.image.sha256),
            status=HTTPStatus.CREATED if intake.is_new else HTTPStatus.OK,
            location=_url(intake.image),
            body=image_view(intake.image).model_dump_json(),
            made=intake.image.image_id,
            created_at=self.uploads.clock(),
        )


def _refuse_json(request: Request) -> None:
    if request.headers.get("content-type", "").startswith("application/json"):
        wrong = FieldError("url", "cannot be fetched by this version; send the bytes.")
        raise InvalidRequest("Send a picture as a form or as raw bytes.", errors=[wrong])


def _answer(intake: Intake) -> Response:
    status = HTTPStatus.CREATED if intake.is_new else HTTPStatus.OK
    answer = json_answer(image_view(intake.image), status)
    answer.headers["location"] = _url(intake.image)
    return answer


def _url(image: Image) -> str:
    return f"/api/v1/images/{image.image_id}"


def _meaning(sha256: str) -> str:
    """Digest what an upload asks for: these bytes kept, whatever the form calls them."""
    return fingerprint("POST /api/v1/images", sha256)
