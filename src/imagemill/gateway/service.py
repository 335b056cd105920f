"""The gateway as one ASGI app: open routes, then the door, then the services."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from structlog.contextvars import get_contextvars

from imagemill.console import pages
from imagemill.contracts.health import Peer
from imagemill.contracts.identity import ADDRESS, HEADER, STRANGER, Identity, Signer
from imagemill.contracts.transport import SERVICE, ASGIApp, Receive, Scope, Send, Transport
from imagemill.contracts.users import FORGET
from imagemill.errors import ImagemillError, NotFound
from imagemill.gateway.door import Door, shows_nothing
from imagemill.gateway.openapi import merged
from imagemill.web.problems import not_allowed, problem_response

_READ: Final = frozenset({"GET", "HEAD"})
_IDENTITY: Final = HEADER.encode()
_ADDRESS: Final = ADDRESS.encode()
_FORGET: Final = FORGET.encode()
_PEOPLE: Final = ("/api/v1/api-keys", "/api/v1/auth/", "/api/v1/users/")
"""Where the users service changes what a caller is."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything that a client can reach."""

    door: Door
    signer: Signer
    peers: Mapping[str, Peer]
    """Every service by name, for questions of the gateway's own."""
    routes: Mapping[str, Transport]
    """Path prefix to the service that answers below it; the longest that fits counts."""
    open_paths: frozenset[str]
    """Paths below a service that strangers may ask; one that ends in `/` opens all below it."""
    version: str
    breakers: Callable[[], Mapping[str, Any]]
    """Tells how the breakers of this process stand, by name."""
    is_leaving: Callable[[], bool]
    """Tells whether this process was told to stop and is to be asked nothing new."""
    _openapi: dict[str, Any] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            answer = await self._own(scope)
            if answer is None:
                await self._forward(scope, receive, send)
                return
        except ImagemillError as error:
            answer = problem_response(error)
        await answer(scope, receive, send)

    async def _own(self, scope: Scope) -> Response | None:
        """Answer what the gateway answers itself; None for everything else."""
        path = scope["path"]
        if path not in _OWN and not path.startswith("/assets/"):
            return None
        if scope["method"] not in _READ:
            return not_allowed("This route answers GET and HEAD.", "GET, HEAD")
        return await self._read(scope, path)

    async def _read(self, scope: Scope, path: str) -> Response:
        if path == "/health/live":
            return PlainTextResponse("live")
        if path == "/health/ready":
            return await self._ready()
        if path == "/health":
            await self.door.admit(dict(scope["headers"]))
            return await self._health()
        if path == "/openapi.json":
            return await self._describe(Request(scope))
        known = dict(scope["headers"]).get(b"if-none-match", b"").decode("latin-1")
        return pages.page(path, self.version, known)

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport, headers = self._route(scope["path"]), dict(scope["headers"])
        identity = await self._caller(scope, headers)
        if scope["method"] not in _READ and scope["path"].startswith(_PEOPLE):
            send = self._forgetting(headers, send)
        await transport.forward(self._signed(scope, identity), receive, send)

    async def _caller(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Identity:
        """Tell who calls; who shows nothing is a stranger where strangers may ask."""
        if shows_nothing(headers) and self._is_open(scope):
            return STRANGER
        return (await self.door.admit(headers)).identity

    def _is_open(self, scope: Scope) -> bool:
        """Tell whether strangers may ask: an open path, or one that a signature may open."""
        path = scope["path"]
        parents = (path[: at + 1] for at, each in enumerate(path) if each == "/")
        if path in self.open_paths or any(each in self.open_paths for each in parents):
            return True
        return b"signature=" in scope.get("query_string", b"")

    def _forgetting(self, headers: Mapping[bytes, bytes], send: Send) -> Send:
        """Forget who calls before the answer goes out, for it may be another from then on.

        So it forgets those whose credentials the answer says mean something else from then on.
        """

        async def forget_and_send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                if not shows_nothing(headers):
                    await self.door.forget(headers)
                told = [value for name, value in message["headers"] if name == _FORGET]
                for value in told:
                    await self.door.forget_all(value.decode("latin-1").split(","))
                kept = [pair for pair in message["headers"] if pair[0] != _FORGET]
                message = {**message, "headers": kept}
            await send(message)

        return forget_and_send

    def _route(self, path: str) -> Transport:
        """Find the service for a path; raises `NotFound`, for internal paths too."""
        fitting = [prefix for prefix in self.routes if path == prefix or path.startswith(prefix)]
        # On the way to a service, `/api/v1/../../internal` would become `/internal`.
        if not fitting or {".", ".."} & set(path.split("/")):
            raise NotFound("There is nothing here; see /docs for the routes.")
        return self.routes[max(fitting, key=len)]

    def _signed(self, scope: Scope, identity: Identity) -> Scope:
        """Replace whatever the client said about itself by what the door found out."""
        kept = [pair for pair in scope["headers"] if pair[0] not in _PRIVATE]
        token = self.signer.sign(identity).encode()
        request_id = str(get_contextvars().get("request_id", "")).encode()
        address = (scope.get("client") or ("", 0))[0].encode()
        ours = [(_IDENTITY, token), (_ADDRESS, address), (b"x-correlation-id", request_id)]
        return {**scope, "headers": [*kept, *ours]}

    async def _ready(self) -> Response:
        if self.is_leaving():
            return PlainTextResponse("stopping", HTTPStatus.SERVICE_UNAVAILABLE)
        try:
            await asyncio.gather(*(peer.health() for peer in self.peers.values()))
        except ImagemillError:
            return PlainTextResponse("waiting", HTTPStatus.SERVICE_UNAVAILABLE)
        return PlainTextResponse("ready")

    async def _health(self) -> Response:
        asked = {name: _health_of(peer) for name, peer in self.peers.items()}
        told = dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))
        is_well = all(each["status"] == "ok" for each in told.values())
        return JSONResponse(
            {
                "status": "ok" if is_well else "degraded",
                "version": self.version,
                "processes": told,
                "breakers": self.breakers(),
            },
            HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE,
        )

    async def _describe(self, request: Request) -> Response:
        if not self._openapi:
            peers = await asyncio.gather(*(peer.openapi() for peer in self.peers.values()))
            self._openapi.update(merged(self.version, peers))
        answer = JSONResponse(self._openapi)
        tag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"etag": tag})
        answer.headers["etag"] = tag
        return answer


_OWN: Final = frozenset({"/health/live", "/health/ready", "/health", "/openapi.json", "/docs", "/"})
_PRIVATE: Final = frozenset(
    {
        *(_IDENTITY, _ADDRESS),
        b"x-api-key",
        b"authorization",
        b"cookie",
        b"x-correlation-id",
        b"x-request-id",
    }
)


async def _health_of(peer: Peer) -> dict[str, Any]:
    try:
        return {"status": "ok", **await peer.health()}
    except ImagemillError as error:
        return {"status": "unavailable", "reason": error.message}


def standalone(apps: Mapping[str, ASGIApp], is_leaving: Callable[[], bool]) -> ASGIApp:
    """Let services listen at one address without a gateway, and answer an orchestrator.

    Who calls names the service that is meant; the first answers who names none.
    """
    first = next(iter(apps.values()))

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in {"/health/live", "/health/ready"}:
            await _word_of(scope["path"].rpartition("/")[2], is_leaving())(scope, receive, send)
            return
        meant = dict(scope.get("headers", ())).get(SERVICE.encode(), b"").decode("latin-1")
        await apps.get(meant, first)(scope, receive, send)

    return answer


def _word_of(word: str, is_leaving: bool) -> Response:  # noqa: FBT001 - what is told, not a choice
    if word == "ready" and is_leaving:
        return PlainTextResponse("stopping", HTTPStatus.SERVICE_UNAVAILABLE)
    return PlainTextResponse(word)
