"""Clients of the uploads service's public routes, and senders whose connection is cut."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from imagemill.contracts.identity import HEADER, Identity
from imagemill.uploads.routes import app_of
from tests.uploads.service import OWNER, Service

TUS = "/api/v1/uploads/tus"
VERSION = {"tus-resumable": "1.0.0"}
CHUNK = {**VERSION, "content-type": "application/offset+octet-stream"}
EVERYTHING = OWNER
FOREIGNER = Identity(account="somebody else", scopes=frozenset({"*"}))


@asynccontextmanager
async def asking(service: Service, who: Identity = EVERYTHING) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client that asks for somebody, as the gateway does."""
    transport = httpx2.ASGITransport(app_of(service.uploads))
    headers = {HEADER: service.uploads.signer.sign(who)}
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://uploads", headers=headers
    ) as client:
        yield client


async def cut(
    service: Service, path: str, pieces: Sequence[bytes], headers: Mapping[str, str]
) -> None:
    """Send a PATCH whose connection is cut after some pieces; nobody hears its answer."""
    sent = [*pieces]

    async def receive() -> MutableMapping[str, Any]:
        if sent:
            return {"type": "http.request", "body": sent.pop(0), "more_body": True}
        return {"type": "http.disconnect"}

    async def send(_: MutableMapping[str, Any]) -> None:
        return

    shown = {**headers, HEADER: service.uploads.signer.sign(EVERYTHING)}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "PATCH",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in shown.items()],
        "client": None,
        "server": None,
        "state": {},
    }
    await app_of(service.uploads)(scope, receive, send)


def in_base64(text: bytes) -> str:
    """Write bytes as tus headers have them."""
    return base64.b64encode(text).decode()
