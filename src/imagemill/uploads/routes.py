"""The uploads service over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request, Response

from imagemill.audit import noting
from imagemill.audit.records import put
from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Image, ImageIds, Images, Intake, Intakes
from imagemill.contracts.usage import IntakeUsage
from imagemill.database import Connection
from imagemill.errors import NotFound
from imagemill.idempotency import Remembered, Running, check, fingerprint, key_of
from imagemill.idempotency import records as answers
from imagemill.storage import Bucket
from imagemill.uploads.fetch_routes import SCHEMAS, Fetches, FetchList, body_schema
from imagemill.uploads.internal import add_events
from imagemill.uploads.originals import Also
from imagemill.uploads.service import Uploads
from imagemill.uploads.stored_routes import add_stored
from imagemill.uploads.tus_routes import add_tus
from imagemill.uploads.upload_routes import add_uploads
from imagemill.uploads.views import FetchView, ImageView, fetch_view, image_view
from imagemill.web import NO_QUERY, Caller, body_stream, only_query, service_app
from imagemill.web.answers import json_answer
from imagemill.web.delivery import Delivered, deliver
from imagemill.web.internal import answer_processes, answer_services, asked
from imagemill.web.openapi import (
    BYTES,
    IDEMPOTENCY_KEY,
    IN_PROGRESS,
    PICTURE_PROBLEMS,
    REPLAYED,
    Described,
    file_of,
    location,
    problem,
)

_ImageId = Annotated[str, Path(description="Id of the image, as the upload told it.")]
_Force = Annotated[bool, Query(description="Cancel the jobs that use the image.")]
_JSON = "application/json"
_PICTURE: dict[str, Any] = {
    "parameters": [IDEMPOTENCY_KEY],
    "requestBody": {
        "required": True,
        "description": "The picture as the field `file` of a form, or its bytes as the body; or "
        "where it is, as JSON.",
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
            _JSON: body_schema(),
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
    429: problem("The originals of the key, or of the account, would take up too many bytes."),
    202: {
        "model": FetchView | FetchList,
        "description": "The picture will be fetched, or each of many.",
        "headers": _MADE,
    },
    **IN_PROGRESS,
    **PICTURE_PROBLEMS,
}


def app_of(uploads: Uploads) -> FastAPI:
    """Make the HTTP side of the uploads service."""
    app = service_app("Imagemill uploads", uploads.signer, *SCHEMAS)
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
    app.get(
        "/api/v1/images/{image_id}/content",
        response_class=Response,
        responses={
            **file_of("The original's bytes.", "image/*"),
            409: problem("The image is still being fetched."),
        },
        tags=["images"],
        dependencies=[NO_QUERY],
    )(routes.content)
    app.delete(
        "/api/v1/images/{image_id}",
        status_code=HTTPStatus.NO_CONTENT,
        response_class=Response,
        responses={409: problem("Jobs that have not ended use the image.")},
        tags=["images"],
        dependencies=[only_query("force")],
    )(routes.remove)
    add_stored(app, uploads)
    add_tus(app, uploads)
    add_uploads(app, uploads, routes.running)
    answer_services(app, "POST", "/internal/intake", routes.intake)
    answer_services(app, "POST", "/internal/intakes", routes.intakes)
    answer_services(app, "POST", "/internal/images", routes.find)
    answer_processes(app, "POST", "/internal/accounts/{account}/delete", routes.forget)
    answer_services(app, "GET", "/internal/usage", routes.usage)
    add_events(app, uploads)
    return app


@dataclass(frozen=True, slots=True)
class _Routes:
    uploads: Uploads
    running: Running = field(default_factory=Running)

    async def forget(self, request: Request, _: Identity) -> None:
        """Forget all that is kept of an account."""
        await self.uploads.forget(request.path_params["account"])

    @property
    def fetches(self) -> Fetches:
        """What takes JSON."""
        return Fetches(self.uploads)

    async def take_in(self, request: Request, caller: Caller) -> Response:
        """Take a picture in: 201 with what it is, 200 when the same bytes are kept already.

        As JSON, take the URL of a picture, or up to 1,000: 202 with the id that each image will
        have. It is fetched in the background; a server that fails or is too slow is tried four
        times. `GET /api/v1/images/{image_id}` tells what became of it.
        """
        is_json = request.headers.get("content-type", "").startswith(_JSON)
        take = self.fetches.take if is_json else self._once
        key = key_of(request)
        if key is None:
            return await take(request, caller, key)
        with self.running.entered(caller.account, key):
            return await take(request, caller, key)

    async def show(self, image_id: _ImageId, caller: Caller) -> ImageView | FetchView:
        """Show what is known of an image; while it is fetched from a URL, how that stands."""
        try:
            return image_view(await self.uploads.get(caller, image_id))
        except NotFound:
            return fetch_view(await self.uploads.promises.find(caller, image_id))

    async def remove(
        self, request: Request, image_id: _ImageId, caller: Caller, *, force: _Force = False
    ) -> None:
        """Delete an image.

        Results that were made of it stay. Jobs that have not ended use it still: then the answer
        is 409, unless `force` is given.
        """
        note = noting(request, caller, "image.deleted", put)
        await self.uploads.remove(caller, image_id, force=force, note=note)

    async def content(self, request: Request, image_id: _ImageId, caller: Caller) -> Response:
        """Give an original's bytes back, unchanged, as a download."""
        image = await self.uploads.get_stored(caller, image_id)
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

    async def intakes(self, request: Request, caller: Identity) -> Intakes:
        """Take the pictures of a form in for another service, with the form's other fields."""
        return await self.uploads.take_in_many(caller, body_stream(request), request.headers)

    async def find(self, request: Request, caller: Identity) -> Images:
        """Look images up for another service."""
        wanted = await asked(request, ImageIds)
        return Images(images=await self.uploads.find(caller, wanted.ids))

    async def usage(self, request: Request, caller: Identity) -> IntakeUsage:
        """Tell what an account's keys brought in, for another service."""
        month = request.query_params.get("month", "")
        return IntakeUsage(keys=await self.uploads.usage(caller, month))

    async def _taken_in(
        self, request: Request, caller: Identity, also: Also | None = None
    ) -> Intake:
        return await self.uploads.take_in(
            caller, body_stream(request), request.headers, alone=True, also=also
        )

    async def _once(self, request: Request, caller: Identity, key: str | None) -> Response:
        if key is None:
            return _answer(await self._taken_in(request, caller))
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
