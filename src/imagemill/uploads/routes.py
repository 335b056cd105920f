"""The uploads service over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response

from imagemill.audit import noting
from imagemill.audit.records import put
from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Image, ImageIds, Images, ImageText, Intake, Intakes
from imagemill.contracts.usage import IntakeUsage
from imagemill.database import Connection
from imagemill.errors import InvalidRequest, NotFound
from imagemill.idempotency import Remembered, Running, check, fingerprint, key_of
from imagemill.idempotency import records as answers
from imagemill.uploads.content_routes import ImageId, add_content
from imagemill.uploads.describing import Changes
from imagemill.uploads.fetch import FetchStatus
from imagemill.uploads.fetch_routes import SCHEMAS, Fetches, FetchList, body_schema
from imagemill.uploads.internal import add_events
from imagemill.uploads.listing import METADATA, UNSTORED, Page, page
from imagemill.uploads.originals import Also
from imagemill.uploads.service import Uploads
from imagemill.uploads.stored_routes import add_stored
from imagemill.uploads.tus_routes import add_tus
from imagemill.uploads.unstored import unstored_page
from imagemill.uploads.upload_routes import FULL, add_uploads
from imagemill.uploads.views import FetchView, ImageList, ImageView, fetch_view, image_view
from imagemill.web import NO_QUERY, Caller, body_stream, only_query, service_app
from imagemill.web.answers import json_answer
from imagemill.web.internal import answer_processes, answer_services, asked
from imagemill.web.links import LinkRequest
from imagemill.web.openapi import (
    BYTES,
    IDEMPOTENCY_KEY,
    IN_PROGRESS,
    PICTURE_PROBLEMS,
    REPLAYED,
    Described,
    json_body,
    location,
    problem,
)
from imagemill.web.reading import json_object, model_of

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
                    "properties": {
                        "file": {**BYTES, "description": "The picture."},
                        "tags": {
                            "type": "string",
                            "description": "Tags to put it under: a JSON list, or words with "
                            "commas between them.",
                        },
                        "metadata": {
                            "type": "string",
                            "description": "Keys of your own and their values: a JSON object.",
                        },
                    },
                    "additionalProperties": False,
                }
            },
            "image/*": {"schema": BYTES},
            _JSON: body_schema(),
        },
    },
}
_MOST_DESCRIPTION_BYTES = 200_000
"""Bytes of a description; the largest that is allowed has about 110,000."""
_MADE = location("Where to ask about the image.") | REPLAYED
_TAKEN_IN: Described = {
    200: {
        "model": ImageView,
        "description": "The same bytes were kept already.",
        "headers": _MADE,
    },
    201: {"description": "The picture is kept.", "headers": _MADE},
    **FULL,
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
    app = service_app("Imagemill uploads", uploads.signer, Changes, LinkRequest, *SCHEMAS)
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
    app.get(
        "/api/v1/images",
        response_model=ImageList,
        name="list",
        openapi_extra=METADATA,
        tags=["images"],
    )(routes.list)
    app.get(
        "/api/v1/images/{image_id}",
        response_model=ImageView | FetchView,
        tags=["images"],
        dependencies=[NO_QUERY],
    )(routes.show)
    app.patch(
        "/api/v1/images/{image_id}",
        response_model=ImageView,
        openapi_extra=json_body(Changes),
        responses={413: problem("The description is longer than any that can be.")},
        tags=["images"],
        dependencies=[NO_QUERY],
    )(routes.describe)
    add_content(app, uploads)
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
    answer_services(app, "POST", "/internal/images/{image_id}/texts", routes.add_text)
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

    async def list(self, request: Request, wanted: Page, caller: Caller) -> Response:
        """List the caller's images, the newest first; all that is asked for must be true of one.

        Words are looked for in an image's name, tags and metadata, in the text that its file
        carries (captions, keywords, who made it, the camera) and in what OCR read, if it did.
        Never in the place where it was taken. Images that are pending or failed have a status and
        a time, and nothing else to be found by.
        """
        if wanted.filters.status in UNSTORED:
            return json_answer(await unstored_page(request, self.uploads, caller, wanted))
        images, last = await self.uploads.listed(caller, wanted)
        return json_answer(page(images, last, wanted, self.uploads.links))

    async def show(self, image_id: ImageId, caller: Caller) -> Response:
        """Show what is known of an image; while it is fetched from a URL, how that stands."""
        try:
            return self._shown(await self.uploads.get(caller, image_id))
        except NotFound:
            fetch = await self.uploads.promises.find(caller, image_id)
        if fetch.status is FetchStatus.STORED:  # It has just come, or what came was deleted.
            return self._shown(await self.uploads.get(caller, image_id))
        return json_answer(fetch_view(fetch))

    async def describe(self, request: Request, image_id: ImageId, caller: Caller) -> Response:
        """Change an image's tags, metadata, name, or whether anybody may read it.

        What is not named stays; keys of metadata that are null are removed.
        """
        given = await json_object(request, most_bytes=_MOST_DESCRIPTION_BYTES)
        changes = model_of(Changes, given, "The image cannot be described so.")
        if changes.is_empty:
            raise InvalidRequest("Nothing is to be changed; name a field, such as `tags`.")
        return self._shown(await self.uploads.describe(caller, image_id, changes))

    async def remove(
        self, request: Request, image_id: ImageId, caller: Caller, *, force: _Force = False
    ) -> None:
        """Delete an image.

        Results that were made of it stay. Jobs that have not ended use it still: then the answer
        is 409, unless `force` is given.
        """
        note = noting(request, caller, "image.deleted", put)
        await self.uploads.remove(caller, image_id, force=force, note=note)

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

    async def add_text(self, request: Request, caller: Identity) -> None:
        """Let an image be found by a text that another service has of it."""
        text = await asked(request, ImageText)
        await self.uploads.add_text(caller, request.path_params["image_id"], text)

    async def _taken_in(
        self, request: Request, caller: Identity, also: Also | None = None
    ) -> Intake:
        return await self.uploads.take_in(
            caller, body_stream(request), request.headers, alone=True, also=also
        )

    async def _once(self, request: Request, caller: Identity, key: str | None) -> Response:
        if key is None:
            return self._answer(await self._taken_in(request, caller))
        remembered = await self.uploads.remembered(caller, key)
        if remembered:
            sha256, fields = await self.uploads.digest(body_stream(request), request.headers)
            check(remembered, _meaning(sha256, fields))
            return remembered.answer()

        def remember(connection: Connection, intake: Intake) -> None:
            answer = self._remembered(intake)
            answers.keep(connection, caller.account, key, answer)

        return self._answer(await self._taken_in(request, caller, remember))

    def _remembered(self, intake: Intake) -> Remembered:
        return Remembered(
            fingerprint=_meaning(intake.image.sha256, intake.fields),
            status=HTTPStatus.CREATED if intake.is_new else HTTPStatus.OK,
            location=_url(intake.image),
            body=image_view(intake.image, self.uploads.links).model_dump_json(),
            made=intake.image.image_id,
            created_at=self.uploads.clock(),
        )

    def _shown(self, image: Image) -> Response:
        return json_answer(image_view(image, self.uploads.links))

    def _answer(self, intake: Intake) -> Response:
        status = HTTPStatus.CREATED if intake.is_new else HTTPStatus.OK
        answer = json_answer(image_view(intake.image, self.uploads.links), status)
        answer.headers["location"] = _url(intake.image)
        return answer


def _url(image: Image) -> str:
    return f"/api/v1/images/{image.image_id}"


def _meaning(sha256: str, fields: Mapping[str, str]) -> str:
    """Digest what an upload asks for: these bytes kept and described so, whatever their name."""
    return fingerprint("POST /api/v1/images", sha256, *([dict(fields)] if fields else []))
