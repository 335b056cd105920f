"""Hand out the pages' own files, under a policy that lets nothing else in."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from importlib.resources import files
from typing import Final

from fastapi import Response

from imagemill.errors import NotFound

_PAGES: Final = {"/": "index.html", "/docs": "docs.html"}
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_POLICY: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
_HEADERS: Final = {
    "content-security-policy": "; ".join(_POLICY),
    "cross-origin-opener-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


def page(path: str, version: str, known: str = "") -> Response:
    """Give a page or one of its files; raises `NotFound`.

    `known` is the caller's `If-None-Match`: who has the file already gets 304 and no body.
    """
    name = _PAGES.get(path) or path.removeprefix("/assets/")
    body = _read(name).replace("{{version}}", version).encode()
    headers = {**_HEADERS, "etag": f'"{hashlib.sha256(body).hexdigest()[:32]}"'}
    if headers["etag"] in known:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, headers=headers, media_type=_TYPES[name.rpartition(".")[2]])


def _read(name: str) -> str:
    """Read a file that lies in the folder; a name is compared, never followed as a path."""
    for each in files("imagemill.console").joinpath("static").iterdir():
        if each.name == name and name.rpartition(".")[2] in _TYPES:
            return each.read_text(encoding="utf-8")
    raise NotFound("There is no such page.")
