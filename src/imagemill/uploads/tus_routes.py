"""Resumable uploads over HTTP, by the tus protocol 1.0.

https://tus.io/protocols/resumable-upload
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from imagemill.contracts.identity import Identity
from imagemill.contracts.transport import ASGIApp, Receive, Scope, Send
from imagemill.errors import Conflict, InvalidRequest, Locked
from imagemill.uploads import tus
from imagemill.uploads.resumable import Turn
from imagemill.uploads.service import Uploads
from imagemill.uploads.upload import Upload, UploadKind, UploadStatus, no_upload
from imagemill.uploads.upload_routes import EXPIRED, FULL, UploadId
from imagemill.web import NO_QUERY, Caller
from imagemill.web.openapi import BYTES, PICTURE_PROBLEMS, Described, location, problem

PATH: Final = "/api/v1/uploads/tus"
_END_WITHIN_S: Final = 5.0
"""Time for a request that was asked to end: it syncs one chunk, or looks at the picture."""
_METHODS: Final = ("PATCH", "DELETE")


def _header(name: str, what: str, *, is_required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": is_required,
        "description": what,
        "schema": {"type": "string"},
    }


_VERSION: Final = _header("Tus-Resumable", f"`{tus.VERSION}`.", is_required=True)
_CHECKSUM: Final = _header("Upload-Checksum", "`sha1` or `sha256`, a space, the digest as Base64.")
_BYTES: Final = {"content": {tus.BODY: {"schema": BYTES}}}
_STATE: Final = {
    name: {"description": what, "schema": {"type": "string"}}
    for name, what in (
        ("Upload-Offset", "Bytes that are kept."),
        ("Upload-Expires", "When the upload expires if no more come."),
        ("Imagemill-Image-Id", "The image that the upload became, once it is complete."),
    )
}
_ALL: Final[Described] = {412: problem("The request speaks no version that is spoken here.")}
_ADDED: Final[Described] = {
    409: problem("The upload ends elsewhere, or there are too many uploads or chunks."),
    413: PICTURE_PROBLEMS[413],
    415: problem("The body is no chunk, or the picture is of no format that is read here."),
    423: problem("Another request is adding to the same upload."),
    460: problem("The bytes are not those of `Upload-Checksum`; none of them is kept."),
    502: problem("What was stored is no longer what arrived."),
    504: PICTURE_PROBLEMS[504],
    **EXPIRED,
    **FULL,
    **_ALL,
}
_CREATE: Final[dict[str, Any]] = {
    "status_code": HTTPStatus.CREATED,
    "response_class": Response,
    "responses": {
        201: {
            "description": "The upload is begun.",
            "headers": location("Where to send its bytes.") | _STATE,
        },
        **_ADDED,
    },
    "openapi_extra": {
        "parameters": [
            _VERSION,
            _header("Upload-Length", "Bytes of the picture.", is_required=True),
            _header("Upload-Metadata", "Names and Base64 texts, such as `filename d29ybGQ=`."),
            _CHECKSUM,
        ],
        "requestBody": {"required": False, **_BYTES},
    },
}
_ADD: Final[dict[str, Any]] = {
    "status_code": HTTPStatus.NO_CONTENT,
    "response_class": Response,
    "responses": {204: {"description": "The bytes are kept.", "headers": _STATE}, **_ADDED},
    "openapi_extra": {
        "parameters": [
            _VERSION,
            _header("Upload-Offset", "Where the bytes belong.", is_required=True),
            _CHECKSUM,
        ],
        "requestBody": {"required": True, **_BYTES},
    },
}
_LOOK: Final[dict[str, Any]] = {
    "response_class": Response,
    "responses": {
        200: {"description": "How far the upload is.", "headers": _STATE},
        **_ADDED,
    },
    "openapi_extra": {"parameters": [_VERSION]},
}


def add_tus(app: FastAPI, uploads: Uploads) -> None:
    """Let an app take resumable uploads."""
    routes = _Routes(uploads)
    plain: dict[str, Any] = {"tags": ["uploads"], "dependencies": [NO_QUERY]}
    one = f"{PATH}/{{upload_id}}"
    gone: dict[str, Any] = {
        "status_code": HTTPStatus.NO_CONTENT,
        "response_class": Response,
        "responses": _ALL,
        "openapi_extra": {"parameters": [_VERSION]},
    }
    able: dict[str, Any] = {"status_code": HTTPStatus.NO_CONTENT, "response_class": Response}
    app.options(PATH, **able, **plain)(routes.tus_offer)
    app.post(PATH, **_CREATE, **plain)(routes.tus_create)
    app.head(one, **_LOOK, **plain)(routes.tus_look)
    app.patch(one, **_ADD, **plain)(routes.tus_add)
    app.delete(one, **gone, **plain)(routes.tus_give_up)
    app.post(one, **_ADD, **plain)(routes.tus_instead)
    app.add_middleware(TusAnswers)


class TusAnswers:
    """Let every answer below the path carry the headers that the protocol wants, refusals too."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if not scope.get("path", "").startswith(PATH):
            await self._app(scope, receive, send)
            return

        async def telling(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                more = [(b"tus-resumable", tus.VERSION.encode())]
                if message["status"] == HTTPStatus.PRECONDITION_FAILED:
                    more.append((b"tus-version", tus.VERSION.encode()))
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await self._app(scope, receive, telling)


@dataclass(frozen=True, slots=True)
class _Routes:
    uploads: Uploads

    async def tus_offer(self) -> Response:
        """Tell what is offered of the tus protocol."""
        headers = {
            "tus-version": tus.VERSION,
            "tus-extension": tus.EXTENSIONS,
            "tus-max-size": str(self.uploads.limits.max_bytes),
            "tus-checksum-algorithm": ",".join(tus.ALGORITHMS),
        }
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)

    async def tus_create(self, request: Request, caller: Caller) -> Response:
        """Begin a resumable upload, with its first bytes or without.

        `Location` is where the rest goes. Every byte that arrives is kept when the connection is
        cut, unless it came under an `Upload-Checksum`.
        """
        tus.require_version(request.headers)
        wanted = tus.creation_of(request.headers, self.uploads.limits.max_bytes)
        upload = await self.uploads.resumable.begin(caller, wanted)
        if tus.has_body(request.headers):
            with self.uploads.turns.entered(upload.upload_id) as turn:
                upload = await self._added(request, caller, upload, turn)
        answer = _told(upload, HTTPStatus.CREATED)
        answer.headers["location"] = f"{PATH}/{upload.upload_id}"
        return answer

    async def tus_look(self, request: Request, upload_id: UploadId, caller: Caller) -> Response:
        """Tell how many bytes are kept: where to go on.

        Who asks has lost the connection on which it sent, so a request that still adds to the
        upload is ended first and what it brought is counted. An upload that is whole and was not
        taken in, because the server ended just then, is taken in now.
        """
        tus.require_version(request.headers)
        await self._upload(caller, upload_id)
        await self.uploads.turns.end(upload_id, within_s=_END_WITHIN_S)
        with suppress(Locked), self.uploads.turns.entered(upload_id):
            upload = await self._upload(caller, upload_id)
            await self._finished(caller, upload)
        upload = await self._upload(caller, upload_id)
        answer = _told(upload, HTTPStatus.OK)
        answer.headers["upload-length"] = str(upload.size_bytes)
        answer.headers["cache-control"] = "no-store"
        if upload.metadata:
            answer.headers["upload-metadata"] = upload.metadata
        return answer

    async def tus_add(self, request: Request, upload_id: UploadId, caller: Caller) -> Response:
        """Add bytes at the end of an upload; the last ones make it an image.

        A picture that is refused is answered as on any other route, and the upload has failed.
        """
        tus.require_version(request.headers)
        tus.require_body(request.headers)
        at = tus.offset_of(request.headers)
        await self._upload(caller, upload_id)
        with self.uploads.turns.entered(upload_id) as turn:
            upload = await self._upload(caller, upload_id)
            if at != upload.offset_bytes:
                raise Conflict(f"The upload ends at {upload.offset_bytes}, not at {at}.")
            upload = await self._added(request, caller, upload, turn)
        return _told(upload, HTTPStatus.NO_CONTENT)

    async def tus_give_up(self, request: Request, upload_id: UploadId, caller: Caller) -> Response:
        """Give an upload up and remove its bytes; an image that it became stays."""
        tus.require_version(request.headers)
        await self._upload(caller, upload_id, is_alive=False)
        await self.uploads.turns.end(upload_id, within_s=_END_WITHIN_S)
        await self.uploads.give_up(caller, upload_id)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def tus_instead(self, request: Request, upload_id: UploadId, caller: Caller) -> Response:
        """Do what `X-HTTP-Method-Override` says, for who can send neither PATCH nor DELETE."""
        method = request.headers.get("x-http-method-override", "")
        if method == "PATCH":
            return await self.tus_add(request, upload_id, caller)
        if method == "DELETE":
            return await self.tus_give_up(request, upload_id, caller)
        known = " or ".join(_METHODS)
        raise InvalidRequest(f"POST begins no upload here; X-HTTP-Method-Override says {known}.")

    async def _upload(self, caller: Identity, upload_id: str, *, is_alive: bool = True) -> Upload:
        upload = await self.uploads.upload(caller, upload_id)
        if upload.kind is not UploadKind.RESUMABLE:
            raise no_upload()
        if is_alive:
            upload.require_alive(self.uploads.clock())
        return upload

    async def _added(
        self, request: Request, caller: Identity, upload: Upload, turn: Turn
    ) -> Upload:
        if upload.status is UploadStatus.COMPLETED:
            return upload
        tus.require_room(request.headers, (upload.size_bytes or 0) - upload.offset_bytes)
        content = turn.until_asked(_until_cut(request))
        checksum = _checksum(request.headers)
        return await self._finished(
            caller, await self.uploads.resumable.append(upload, content, checksum)
        )

    async def _finished(self, caller: Identity, upload: Upload) -> Upload:
        """Take an upload in that is whole."""
        if upload.status is not UploadStatus.OPEN or not upload.is_whole:
            return upload
        await self.uploads.finishing.finish(caller, upload)
        return await self.uploads.upload(caller, upload.upload_id)


async def _until_cut(request: Request) -> AsyncIterator[bytes]:
    """Stream a body; where the connection is cut, end as if it were whole."""
    with suppress(ClientDisconnect):
        async for piece in request.stream():
            if piece:
                yield piece


def _checksum(headers: Mapping[str, str]) -> tus.Checksum | None:
    given = headers.get("upload-checksum")
    return None if given is None else tus.Checksum(given)


def _told(upload: Upload, status: HTTPStatus) -> Response:
    headers = {"upload-offset": str(upload.offset_bytes)}
    if upload.status is UploadStatus.OPEN:
        headers["upload-expires"] = tus.date_of(upload.expires_at)
    if upload.image_id:
        headers[tus.IMAGE] = upload.image_id
    return Response(status_code=status, headers=headers)
