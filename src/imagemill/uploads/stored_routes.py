"""Signed URLs of a storage without a server of its own: checked, then read or written here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import FastAPI, Path, Request, Response
from fastapi.responses import StreamingResponse

from imagemill.contracts.uploads import STORED
from imagemill.errors import NotFound, SignatureInvalid
from imagemill.storage import Bucket
from imagemill.uploads.service import Uploads
from imagemill.web import body_stream
from imagemill.web.openapi import BYTES, PICTURE_PROBLEMS, problem
from imagemill.web.rights import SIGNATURE

_Bucket = Annotated[str, Path(description="As the URL was signed.")]
_Key = Annotated[str, Path(description="As the URL was signed.")]
_SIGNED: Final[dict[str, Any]] = {"security": [{SIGNATURE: []}]}
_REFUSED: Final = problem("The URL was signed for something else, or is out of date.")
_PUT: Final[dict[str, Any]] = {
    "response_class": Response,
    "responses": {
        200: {
            "description": "The bytes are stored.",
            "headers": {
                "ETag": {"description": "Names the bytes.", "schema": {"type": "string"}},
            },
        },
        403: _REFUSED,
        409: problem("The upload has ended and takes no more bytes."),
        413: PICTURE_PROBLEMS[413],
    },
    "openapi_extra": {
        **_SIGNED,
        "requestBody": {"required": True, "content": {"image/*": {"schema": BYTES}}},
    },
}
_GET: Final[dict[str, Any]] = {
    "response_class": Response,
    "responses": {
        200: {
            "description": "The object's bytes.",
            "content": {"application/octet-stream": {"schema": BYTES}},
        },
        403: _REFUSED,
    },
    "openapi_extra": _SIGNED,
}
_SAFE: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "content-disposition": "attachment",
    "cache-control": "private, no-store",
}


def add_stored(app: FastAPI, uploads: Uploads) -> None:
    """Let an app answer URLs that the storage signed."""
    routes = _Routes(uploads)
    path = f"{STORED}/{{bucket}}/{{key:path}}"
    app.put(path, tags=["uploads"], **_PUT)(routes.put_stored)
    app.get(path, tags=["uploads"], **_GET)(routes.get_stored)


@dataclass(frozen=True, slots=True)
class _Routes:
    uploads: Uploads

    async def put_stored(self, request: Request, bucket: _Bucket, key: _Key) -> Response:
        """Take the bytes of an upload at the URL that was signed for it.

        The signature is all that is asked for. `Content-Type` has to be the one that was signed.
        """
        self._check(request)
        query = request.query_params
        signed = query.get("type")
        if signed and request.headers.get("content-type") != signed:
            raise SignatureInvalid(f"This URL was signed for the Content-Type {signed}.")
        if bucket != Bucket.ORIGINALS:
            raise NotFound("There is no such object.")
        most = int(query.get("most", self.uploads.limits.max_bytes))
        stored = await self.uploads.presigned.receive(key, body_stream(request), most)
        return Response(headers={"etag": f'"{stored.sha256}"'})

    async def get_stored(self, request: Request, bucket: _Bucket, key: _Key) -> Response:
        """Give an object's bytes at the URL that was signed for it."""
        self._check(request)
        place, storage = Bucket(bucket), self.uploads.storage
        size = await storage.size(place, key)
        if size is None:
            raise NotFound("There is no such object.")
        headers = {**_SAFE, "content-length": str(size)}
        media_type = "application/octet-stream"
        return StreamingResponse(storage.get(place, key), headers=headers, media_type=media_type)

    def _check(self, request: Request) -> None:
        query = request.query_params.multi_items()
        self.uploads.url_signer.check(request.method, request.url.path, query)
