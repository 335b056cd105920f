"""How stored bytes leave: checked, with their true type, and with nothing a browser could run.

A request may ask for the whole, for one range of it, or only for its headers, and may make
conditions; all by RFC 9110. Bytes of an object that is larger than 8 MiB are checked when the whole
is read. A range of such an object is not: who needs to be sure compares the whole with `ETag`,
which is its sha256.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from imagemill.errors import ChangedMeanwhile, RangeImpossible
from imagemill.storage import checked
from imagemill.web.disposition import disposition
from imagemill.web.preconditions import Verdict, judged, range_counts
from imagemill.web.problems import problem_response
from imagemill.web.ranges import NoneOfItError, Slice, asked_slice

GATHERED_BYTES: Final = 8 << 20
"""Largest object that is held in memory until it is checked; nearly every result is smaller."""
_FOR_EVER_S: Final = 31_536_000
_SAFE: Final = {
    "accept-ranges": "bytes",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}

Read = Callable[[int, int | None], AsyncIterator[bytes]]
"""Stream an object's bytes from one place up to another (exclusive), None for its end."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may keep what is sent, and show it."""

    cache_control: str
    resource_policy: str
    """`Cross-Origin-Resource-Policy`: whose pages may show it."""


OWNER: Final = Audience(f"private, max-age={_FOR_EVER_S}, immutable", "same-origin")
"""Who showed a key; no cache in between may keep the answer."""
EVERYBODY: Final = Audience(f"public, max-age={_FOR_EVER_S}, immutable", "cross-origin")
"""Anybody, for ever: the URL names these very bytes."""
WHILE_PUBLIC: Final = Audience("public, max-age=3600", "cross-origin")
"""Anybody, until the owner withdraws it: caches ask again after an hour."""


def holders(left_s: int) -> Audience:
    """Who has a signed URL: no copy is kept longer than the URL itself holds."""
    return Audience(f"public, max-age={max(left_s, 0)}", "cross-origin")


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a stored object is sent as."""

    media_type: str
    size_bytes: int
    sha256: str
    written_at: float
    """Seconds since 1970, UTC."""
    file_name: str
    """Name that a browser suggests for saving."""
    inline: bool
    """Whether a browser may show it; originals are only saved."""
    audience: Audience = OWNER


async def deliver(request: Request, what: Delivered, read: Read) -> Response:
    """Answer with an object's bytes, a range of them, or why the caller needs none.

    Up to 8 MiB are checked before the first byte is answered. A larger object leaves while it is
    read, but for its last piece: when it turns out wrong, the connection ends before the announced
    length. Nothing is read for HEAD. Raises `NotFound` when the object is gone and `IntegrityLost`
    when it is not what was written, while that can still be answered.
    """
    headers = _headers(what)
    verdict = _verdict(request, what)
    if verdict is Verdict.HAS_IT:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if verdict is Verdict.CHANGED:
        raise ChangedMeanwhile("The file is another one than the request's conditions name.")
    if request.method == "HEAD":
        headers["content-length"] = str(what.size_bytes)
        return Response(headers=headers, media_type=what.media_type)
    try:
        part = _wanted_slice(request, what)
    except NoneOfItError:
        return _no_such_range(what.size_bytes)
    if part is None:
        return await _whole(what, read, headers)
    return await _part(what, part, read, headers)


def gives_whole(request: Request) -> bool:
    """Tell whether a request may be answered with a whole object."""
    return request.method != "HEAD" and "range" not in request.headers


def _verdict(request: Request, what: Delivered) -> Verdict:
    """Judge a reading; other methods get the file as the fruit of their work."""
    if request.method not in {"GET", "HEAD"}:
        return Verdict.GIVE
    return judged(request.headers, what.sha256, what.written_at)


def _wanted_slice(request: Request, what: Delivered) -> Slice | None:
    """Read which range a GET asks for; None for the whole. Raises `NoneOfItError`."""
    if request.method != "GET" or not range_counts(request.headers, what.sha256, what.written_at):
        return None
    return asked_slice(request.headers.get("range", ""), what.size_bytes)


def _headers(what: Delivered) -> dict[str, str]:
    return {
        **_SAFE,
        "etag": f'"{what.sha256}"',
        "last-modified": formatdate(int(what.written_at), usegmt=True),
        "cache-control": what.audience.cache_control,
        "cross-origin-resource-policy": what.audience.resource_policy,
        "content-disposition": disposition(what.file_name, inline=what.inline),
    }


async def _whole(what: Delivered, read: Read, headers: Mapping[str, str]) -> Response:
    pieces = checked(read(0, None), what.sha256, size_bytes=what.size_bytes)
    if what.size_bytes <= GATHERED_BYTES:
        return Response(await _joined(pieces), headers=headers, media_type=what.media_type)
    length = {"content-length": str(what.size_bytes)}
    return await _streamed(pieces, {**headers, **length}, what.media_type, HTTPStatus.OK)


async def _part(what: Delivered, part: Slice, read: Read, headers: Mapping[str, str]) -> Response:
    headers = {**headers, "content-range": part.content_range}
    if what.size_bytes <= GATHERED_BYTES:
        whole = await _joined(checked(read(0, None), what.sha256, size_bytes=what.size_bytes))
        piece = whole[part.start : part.end]
        return Response(piece, HTTPStatus.PARTIAL_CONTENT, headers, what.media_type)
    headers = {**headers, "content-length": str(part.end - part.start)}
    pieces = read(part.start, part.end)
    return await _streamed(pieces, headers, what.media_type, HTTPStatus.PARTIAL_CONTENT)


async def _joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def _streamed(
    pieces: AsyncIterator[bytes], headers: Mapping[str, str], media_type: str, status: HTTPStatus
) -> Response:
    """Answer when the first piece was read, so that an object that is gone can still be told."""
    first = await anext(pieces, b"")
    return StreamingResponse(_begun(first, pieces), status, headers, media_type)


async def _begun(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _no_such_range(size_bytes: int) -> Response:
    answer = problem_response(
        RangeImpossible(
            f"The file has {size_bytes} bytes, and none in the range that is asked for.",
            limit={"size_bytes": size_bytes},
        )
    )
    answer.headers["content-range"] = f"bytes */{size_bytes}"
    return answer
