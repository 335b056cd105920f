"""Which pages of other origins may read answers (CORS); none, unless they were named.

Nothing here knows cookies, and `Access-Control-Allow-Credentials` is never sent: a page shows a key
or a token, as every other client does.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import Response

from imagemill.contracts.transport import Scope, Send

ANY: Final = "*"
_NULL: Final = b"null"
"""What sandboxed frames and files call themselves: anybody can be that, so it is never allowed."""
_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_TAKEN: Final = (
    "Authorization, X-API-Key, Content-Type, Idempotency-Key, Prefer, Range, If-Match, "
    "If-None-Match, If-Range, Last-Event-ID, X-Correlation-ID, X-Request-ID, Traceparent, "
    "Tus-Resumable, Upload-Length, Upload-Defer-Length, Upload-Offset, Upload-Metadata, "
    "Upload-Checksum, X-HTTP-Method-Override"
)
_SHOWN: Final = (
    b"Location, Retry-After, ETag, Accept-Ranges, Content-Range, Content-Disposition, "
    b"X-Correlation-ID, Idempotency-Replayed, Preference-Applied, RateLimit-Limit, "
    b"RateLimit-Remaining, RateLimit-Reset, RateLimit-Policy, Tus-Resumable, Tus-Version, "
    b"Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Upload-Offset, Upload-Length, "
    b"Upload-Expires, Upload-Metadata, Imagemill-Image-Id"
)
_REMEMBERED_S: Final = 600
"""Seconds for which a browser may remember what it was allowed."""


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins that may read answers."""

    allowed: Sequence[str]
    """As browsers write them, `https://app.example.com`; or `*` alone."""

    def preflight(self, scope: Scope) -> Response | None:
        """Answer a browser that asks for permission; None for all that is something else."""
        headers = dict(scope["headers"])
        is_asking = b"access-control-request-method" in headers
        if scope["method"] != "OPTIONS" or not is_asking or self._allowing(headers) is None:
            return None
        return Response(
            status_code=HTTPStatus.NO_CONTENT,
            headers={
                "access-control-allow-methods": _METHODS,
                "access-control-allow-headers": _TAKEN,
                "access-control-max-age": str(_REMEMBERED_S),
            },
        )

    def marking(self, scope: Scope, send: Send) -> Send:
        """Send answers with what lets the page of an allowed origin read them."""
        if not self.allowed:
            return send
        marks = self._marks(dict(scope["headers"]))

        async def mark_and_send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *marks]}
            await send(message)

        return mark_and_send

    def _marks(self, headers: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        varies = (b"vary", b"Origin")
        origin = self._allowing(headers)
        if origin is None:
            return [varies]
        return [
            varies,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _SHOWN),
        ]

    def _allowing(self, headers: dict[bytes, bytes]) -> bytes | None:
        """Tell what the answer allows; None where it allows nothing."""
        origin = headers.get(b"origin")
        if not origin or origin == _NULL:
            return None
        if ANY in self.allowed:
            return ANY.encode()
        return origin if origin.decode("latin-1") in self.allowed else None
