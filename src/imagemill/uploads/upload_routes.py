"""Uploads that take more than one request over HTTP: begun, looked at, completed, given up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import FastAPI, Path, Request, Response

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Intake
from imagemill.database import Connection
from imagemill.idempotency import Remembered, Running, check, fingerprint, key_of
from imagemill.idempotency import records as answers
from imagemill.storage import SignedUrl
from imagemill.uploads.service import Uploads
from imagemill.uploads.upload import Upload
from imagemill.uploads.upload_views import (
    PresignedView,
    PresignRequest,
    UploadView,
    presigned_view,
    upload_view,
)
from imagemill.uploads.views import ImageView, image_view
from imagemill.web import NO_QUERY, Caller
from imagemill.web.answers import json_answer
from imagemill.web.links import FileLinks
from imagemill.web.openapi import (
    IDEMPOTENCY_KEY,
    PICTURE_PROBLEMS,
    REF_TEMPLATE,
    REPLAYED,
    Described,
    location,
    problem,
    schemas_of,
)
from imagemill.web.reading import json_object, model_of

UploadId = Annotated[str, Path(description="Id of the upload, as its beginning told it.")]
FULL: Final[Described] = {
    429: problem("The originals of the key, or of the account, would take up too many bytes.")
}
EXPIRED: Final[Described] = {410: problem("The upload was not completed in time.")}
_WRONG: Final = "The upload cannot be begun like this."
_BEGUN: Final = location("Where to ask about the upload.") | REPLAYED
_PRESIGN: Final[dict[str, Any]] = {
    "status_code": HTTPStatus.CREATED,
    "response_model": PresignedView,
    "responses": {
        201: {"description": "The URL is signed.", "headers": _BEGUN},
        409: problem("The first request with this key runs still, or too many uploads are open."),
        413: PICTURE_PROBLEMS[413],
    },
    "openapi_extra": {
        "parameters": [IDEMPOTENCY_KEY],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": REF_TEMPLATE.format(model="PresignRequest")},
                    "example": {"content_type": "image/jpeg", "size_bytes": 2048576},
                }
            },
        },
    },
}
_MADE: Final = location("Where to ask about the image.") | REPLAYED
_COMPLETE: Final[dict[str, Any]] = {
    "status_code": HTTPStatus.CREATED,
    "response_model": ImageView,
    "responses": {
        200: {
            "model": ImageView,
            "description": "The same bytes were kept already.",
            "headers": _MADE,
        },
        201: {"description": "The picture is kept.", "headers": _MADE},
        409: problem("Not all bytes have arrived, or the first request with this key runs still."),
        502: problem("What was stored is no longer what arrived."),
        **EXPIRED,
        **FULL,
        **PICTURE_PROBLEMS,
    },
    "openapi_extra": {"parameters": [IDEMPOTENCY_KEY]},
}


def add_uploads(app: FastAPI, uploads: Uploads, running: Running) -> None:
    """Let an app sign URLs for uploads, and complete uploads of every kind."""
    routes = _Routes(uploads, running)
    plain: dict[str, Any] = {"tags": ["uploads"], "dependencies": [NO_QUERY]}
    one = "/api/v1/uploads/{upload_id}"
    app.state.schemas.update(schemas_of(PresignRequest))
    app.post("/api/v1/uploads/presign", **_PRESIGN, **plain)(routes.presign)
    app.get(one, response_model=UploadView, **plain)(routes.show)
    app.post(f"{one}/complete", **_COMPLETE, **plain)(routes.complete)
    app.delete(one, status_code=HTTPStatus.NO_CONTENT, **plain)(routes.give_up)


@dataclass(frozen=True, slots=True)
class _Routes:
    uploads: Uploads
    running: Running

    async def presign(self, request: Request, caller: Caller) -> Response:
        """Sign a URL to which one picture can be sent without a key.

        Send the bytes there with PUT and the headers that the answer names, then complete the
        upload. Sent again before that, they replace what was sent.
        """
        value = await json_object(request)
        wanted = model_of(PresignRequest, value, _WRONG)
        meaning = fingerprint("POST /api/v1/uploads/presign", value)

        async def begin(key: str | None) -> Response:
            def remember(connection: Connection, signed: SignedUrl, upload: Upload) -> None:
                if key is not None:
                    body = presigned_view(upload, signed).model_dump_json()
                    told = self._remembered(meaning, 201, _url(upload), body, upload.upload_id)
                    answers.keep(connection, caller.account, key, told)

            upload, signed = await self.uploads.presigned.begin(caller, wanted, remember)
            answer = json_answer(presigned_view(upload, signed), HTTPStatus.CREATED)
            answer.headers["location"] = _url(upload)
            return answer

        return await self._once(request, caller, meaning, begin)

    async def show(self, upload_id: UploadId, caller: Caller) -> UploadView:
        """Show how an upload stands, and what it became."""
        upload = await self.uploads.upload(caller, upload_id)
        return upload_view(upload, self.uploads.clock())

    async def complete(self, request: Request, upload_id: UploadId, caller: Caller) -> Response:
        """Make an image of an upload whose bytes have arrived.

        Asked again, it answers the same. What is wrong with the picture, or not as it was
        announced, fails the upload for good, and its bytes are removed.
        """
        meaning = fingerprint("POST /api/v1/uploads/complete", upload_id)

        async def finish(key: str | None) -> Response:
            def remember(connection: Connection, intake: Intake) -> None:
                if key is not None:
                    body = image_view(intake.image, self.uploads.links).model_dump_json()
                    made = intake.image.image_id
                    told = self._remembered(meaning, _status(intake), _place(made), body, made)
                    answers.keep(connection, caller.account, key, told)

            upload = await self.uploads.upload(caller, upload_id)
            intake = await self.uploads.finishing.finish(caller, upload, remember)
            return _answer(intake, self.uploads.links)

        return await self._once(request, caller, meaning, finish)

    async def give_up(self, upload_id: UploadId, caller: Caller) -> Response:
        """Give an upload up and remove its bytes; an image that it became stays."""
        await self.uploads.give_up(caller, upload_id)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def _once(
        self,
        request: Request,
        caller: Identity,
        meaning: str,
        work: Callable[[str | None], Awaitable[Response]],
    ) -> Response:
        """Do the work, or answer as a request under the same `Idempotency-Key` was answered."""
        key = key_of(request)
        if key is None:
            return await work(None)
        with self.running.entered(caller.account, key):
            if remembered := await self.uploads.remembered(caller, key):
                check(remembered, meaning)
                return remembered.answer()
            return await work(key)

    def _remembered(
        self, meaning: str, status: int, place: str, body: str, made: str
    ) -> Remembered:
        return Remembered(
            fingerprint=meaning,
            status=status,
            location=place,
            body=body,
            made=made,
            created_at=self.uploads.clock(),
        )


def _answer(intake: Intake, links: FileLinks) -> Response:
    answer = json_answer(image_view(intake.image, links), _status(intake))
    answer.headers["location"] = _place(intake.image.image_id)
    return answer


def _status(intake: Intake) -> HTTPStatus:
    return HTTPStatus.CREATED if intake.is_new else HTTPStatus.OK


def _place(image_id: str) -> str:
    return f"/api/v1/images/{image_id}"


def _url(upload: Upload) -> str:
    return f"/api/v1/uploads/{upload.upload_id}"
