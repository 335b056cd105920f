"""How stored bytes leave: checked, with their true type, and with nothing a browser could run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from imagemill.storage import checked

GATHERED_BYTES: Final = 8 << 20
"""Largest object that is held in memory until it is checked; nearly every result is smaller."""
_SAFE = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, max-age=31536000, immutable",
}


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a stored object is sent as."""

    media_type: str
    size_bytes: int
    sha256: str
    file_name: str
    """Name that a browser suggests for saving."""
    inline: bool
    """Whether a browser may show it; originals are only saved."""


async def deliver(request: Request, what: Delivered, content: AsyncIterator[bytes]) -> Response:
    """Answer with an object's bytes, or 304 when the caller has them already.

    Up to 8 MiB are checked before the first byte is answered. A larger object leaves while it is
    read, but for its last piece: when it turns out wrong, the connection ends before the announced
    length. Raises `NotFound` when the object is gone and `IntegrityLost` when it is not what was
    written, while that can still be answered.
    """
    headers = {**_SAFE, "etag": f'"{what.sha256}"', "content-disposition": _disposition(what)}
    if _has_it(request, what.sha256):
        return Response(status_code=304, headers=headers)
    headers["content-length"] = str(what.size_bytes)
    pieces = checked(content, what.sha256, size_bytes=what.size_bytes)
    if what.size_bytes <= GATHERED_BYTES:
        whole = b"".join([piece async for piece in pieces])
        return Response(whole, headers=headers, media_type=what.media_type)
    first = await anext(pieces, b"")
    return StreamingResponse(_begun(first, pieces), headers=headers, media_type=what.media_type)


async def _begun(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _has_it(request: Request, sha256: str) -> bool:
    given = request.headers.get("if-none-match", "")
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in given.split(",")}
    return sha256 in tags or "*" in tags


def _disposition(what: Delivered) -> str:
    """Write the header by RFC 6266, the name in both of its forms."""
    plain = "".join(each if each.isalnum() and each.isascii() else "-" for each in what.file_name)
    stem, _, ending = what.file_name.rpartition(".")
    if stem and ending.isascii() and ending.isalnum():
        plain = f"{plain[: len(stem)]}.{ending}"
    kind = "inline" if what.inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(what.file_name, safe='')}"
