"""The gateway as one ASGI app: open routes, then the door, then the services."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from structlog.contextvars import get_contextvars

from imagemill.console import pages
from imagemill.contracts.health import Peer
from imagemill.contracts.identity import ADDRESS, HEADER, STRANGER, Identity, Signer
from imagemill.contracts.noted import noted
from imagemill.contracts.scopes import OPERATE
from imagemill.contracts.transport import (
    SERVICE,
    ASGIApp,
    InMemory,
    Receive,
    Scope,
    Send,
    Transport,
)
from imagemill.contracts.users import CHANGED, FORGET, Admitted
from imagemill.errors import Forbidden, ImagemillError, NotFound, RateLimited, Unauthenticated
from imagemill.gateway.addresses import Network, came_from
from imagemill.gateway.door import Door, shows_nothing
from imagemill.gateway.following import Following
from imagemill.gateway.limiting import Limiter, Tally
from imagemill.gateway.looks import Looks
from imagemill.gateway.openapi import merged
from imagemill.gateway.origins import Origins
from imagemill.gateway.turnstile import Turnstile
from imagemill.telemetry.tracing import HEADER as TRACEPARENT
from imagemill.telemetry.tracing import traceparent
from imagemill.web.health import together
from imagemill.web.problems import not_allowed, problem_response

_READ: Final = frozenset({"GET", "HEAD"})
_IDENTITY: Final = HEADER.encode()
_ADDRESS: Final = ADDRESS.encode()
_FORGET: Final = FORGET.encode()
_CHANGED: Final = CHANGED.encode()
_TRACEPARENT: Final = TRACEPARENT.encode()
_PEOPLE: Final = ("/api/v1/api-keys", "/api/v1/accounts", "/api/v1/auth/", "/api/v1/users/")
"""Where the users service changes what a caller is."""
_EVENTS: Final = "/events"
"""With what the path of every stream of events ends."""
_PUBLIC: Final = "/public/"
"""Where everybody may read; a page shows many pictures, and a cache stands for many readers."""
_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything that a client can reach."""

    door: Door
    limiter: Limiter
    origins: Origins
    trusted: Sequence[Network]
    """Networks of proxies that are believed when they say where a request came from."""
    signer: Signer
    peers: Mapping[str, Peer]
    """Every service by name, for questions of the gateway's own."""
    needs: Sequence[str]
    """Those without which no work can be sent; readiness asks them alone."""
    routes: Mapping[str, Transport]
    """Path prefix to the service that answers below it; the longest that fits counts."""
    open_paths: frozenset[str]
    """Paths below a service that strangers may ask; one that ends in `/` opens all below it."""
    version: str
    breakers: Callable[[], Mapping[str, Any]]
    """Tells how the breakers of this process stand, by name."""
    is_leaving: Callable[[], bool]
    """Tells whether this process was told to stop and is to be asked nothing new."""
    metrics: Callable[[], Awaitable[Response]]
    """Answers Prometheus."""
    turnstile: Turnstile = field(default_factory=Turnstile)
    following: Following = field(default_factory=Following)
    """The streams of events of services elsewhere; those of services here end with them."""
    _openapi: dict[str, Any] = field(default_factory=dict)
    _looks: Looks = field(default_factory=Looks, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        tally = Tally()
        send = tally.telling(self.origins.marking(scope, send))
        try:
            answer = self.origins.preflight(scope) or await self._own(scope, tally)
            if answer is None:
                await self._forward(scope, receive, send, tally)
                return
        except ImagemillError as error:
            answer = problem_response(error)
        await answer(scope, receive, send)

    async def _own(self, scope: Scope, tally: Tally) -> Response | None:
        """Answer what the gateway answers itself; None for everything else."""
        path = scope["path"]
        if path not in _OWN and not path.startswith("/assets/"):
            return None
        noted(scope).route = path if path in _OWN else "/assets/{name}"
        if scope["method"] not in _READ:
            return not_allowed("This route answers GET and HEAD.", "GET, HEAD")
        return await self._read(scope, path, tally)

    async def _read(self, scope: Scope, path: str, tally: Tally) -> Response:
        if path == "/health/live":
            return PlainTextResponse("live")
        if path == "/health/ready":
            return await self._ready()
        if path == "/health":
            return await self._health(await self._counted(scope, tally))
        if path == "/metrics":
            return await self._metrics(scope, tally)
        if path == "/openapi.json":
            return await self._describe(Request(scope))
        known = dict(scope["headers"]).get(b"if-none-match", b"").decode("latin-1")
        return pages.page(path, self.version, known)

    async def _metrics(self, scope: Scope, tally: Tally) -> Response:
        """Answer Prometheus, if it shows a key that may look: numbers tell how busy others are."""
        if not (await self._counted(scope, tally)).may(OPERATE):
            raise Forbidden(f"This needs the scope {OPERATE}, which the key does not have.")
        return await self.metrics()

    async def _forward(self, scope: Scope, receive: Receive, send: Send, tally: Tally) -> None:
        transport, headers = self._route(scope["path"]), dict(scope["headers"])
        address = self._address(scope)
        if shows_nothing(headers) and (self._is_shown(scope) or self._may_be_signed(scope)):
            identity, send = STRANGER, _Suspicious(self.limiter, address, tally, send)
        else:
            identity = await self._caller(scope, headers, address, tally)
        if scope["method"] not in _READ and scope["path"].startswith(_PEOPLE):
            send = self._forgetting(headers, send)
        signed = self._signed(scope, identity, address)
        if not isinstance(transport, InMemory):
            is_followed = scope["method"] == "GET" and scope["path"].endswith(_EVENTS)
            if is_followed:
                await self.following.forward(transport, signed, receive, send)
            else:
                await transport.forward(signed, receive, send)
            return
        passing = self.turnstile.passing(receive, send)
        try:
            await transport.forward(signed, passing.receive, passing.send)
        finally:
            passing.leave()

    async def _caller(
        self, scope: Scope, headers: Mapping[bytes, bytes], address: str, tally: Tally
    ) -> Identity:
        """Tell who calls; who shows nothing is a stranger where strangers may ask."""
        if shows_nothing(headers) and self._is_open(scope["path"]):
            await self.limiter.count_stranger(address, tally)
            return STRANGER
        return await self._counted(scope, tally)

    async def _counted(self, scope: Scope, tally: Tally) -> Identity:
        """Tell who calls and count it; raises `Unauthenticated` and `RateLimited`."""
        address = self._address(scope)
        admitted = await self._admitted(scope, dict(scope["headers"]), address, tally)
        await self.limiter.count_known(admitted, tally)
        return admitted.identity

    async def _admitted(
        self, scope: Scope, headers: Mapping[bytes, bytes], address: str, tally: Tally
    ) -> Admitted:
        """Tell who shows these headers; who shows something wrong is counted by address."""
        try:
            admitted = await self.door.admit(headers)
        except Unauthenticated:
            await self.limiter.count_stranger(address, tally)
            raise
        known = noted(scope)
        known.account, known.key_id = admitted.identity.account, admitted.identity.key_id
        return admitted

    def _address(self, scope: Scope) -> str:
        """Tell where a request came from."""
        peer = (scope.get("client") or ("", 0))[0]
        said = [v.decode("latin-1") for k, v in scope["headers"] if k == b"x-forwarded-for"]
        return came_from(peer, said, self.trusted)

    def _is_shown(self, scope: Scope) -> bool:
        """Tell whether a stranger reads what its owner shows to everybody."""
        path = scope["path"]
        return scope["method"] in _READ and path.startswith(_PUBLIC) and self._is_open(path)

    def _may_be_signed(self, scope: Scope) -> bool:
        """Tell whether a signature may open what is asked for; the route itself checks it."""
        return not self._is_open(scope["path"]) and b"signature=" in scope.get("query_string", b"")

    def _is_open(self, path: str) -> bool:
        """Tell whether strangers may ask for a path; one that ends in `/` opens all below it."""
        parents = (path[: at + 1] for at, each in enumerate(path) if each == "/")
        return path in self.open_paths or any(each in self.open_paths for each in parents)

    def _forgetting(self, headers: Mapping[bytes, bytes], send: Send) -> Send:
        """Forget, before an answer goes out, who may be another from then on.

        That is whoever calls, and whose credentials or account the answer names.
        """

        async def forget_and_send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                if not shows_nothing(headers):
                    await self.door.forget(headers)
                told = [value for name, value in message["headers"] if name == _FORGET]
                named = [each for value in told for each in value.decode("latin-1").split(",")]
                await self.door.forget_all(named)
                for account in (v for name, v in message["headers"] if name == _CHANGED):
                    await self.door.distrust(account.decode("latin-1"))
                kept = [pair for pair in message["headers"] if pair[0] not in {_FORGET, _CHANGED}]
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

    def _signed(self, scope: Scope, identity: Identity, address: str) -> Scope:
        """Replace whatever the client said about itself by what the door found out."""
        kept = [pair for pair in scope["headers"] if pair[0] not in _PRIVATE]
        token = self.signer.sign(identity).encode()
        request_id = str(get_contextvars().get("request_id", "")).encode()
        ours = [(_IDENTITY, token), (_ADDRESS, address.encode())]
        ours.append((b"x-correlation-id", request_id))
        if trace := traceparent():
            ours.append((_TRACEPARENT, trace.encode()))
        return {**scope, "headers": [*kept, *ours]}

    async def _ready(self) -> Response:
        if self.is_leaving():
            return PlainTextResponse("stopping", HTTPStatus.SERVICE_UNAVAILABLE)
        told = await self._looks.at({name: self.peers[name] for name in self.needs})
        if any(each["status"] == "unavailable" for each in told.values()):
            return PlainTextResponse("waiting", HTTPStatus.SERVICE_UNAVAILABLE)
        return PlainTextResponse("ready")

    async def _health(self, caller: Identity) -> Response:
        """Answer in detail who may look: what waits, and how many, tells how busy others are."""
        told = await self._looks.at(self.peers)
        statuses = [each["status"] for each in told.values()]
        # What is left alone here and is no service is Redis, which the gateway outlasts.
        is_left_alone = any(each["state"] != "closed" for each in self.breakers().values())
        status = together([*statuses, "degraded" if is_left_alone else "ok"])
        details = {"processes": told, "breakers": self.breakers()}
        return JSONResponse(
            {
                "status": status,
                "version": self.version,
                **(details if caller.may(OPERATE) else {}),
            },
            HTTPStatus.SERVICE_UNAVAILABLE if "unavailable" in statuses else HTTPStatus.OK,
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


class _Suspicious:
    """Sends the answer to a signature, or from what is public; a refusal is counted by address.

    What is right is not counted: a page may show a hundred pictures at once. So the
    answer is what tells, and 429 takes the place of a refusal that is one too many.
    """

    def __init__(self, limiter: Limiter, address: str, tally: Tally, send: Send) -> None:
        self._limiter = limiter
        self._address = address
        self._tally = tally
        self._send = send
        self._is_replaced = False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] in _REFUSED:
            await self._count()
        if not self._is_replaced:
            await self._send(message)

    async def _count(self) -> None:
        try:
            await self._limiter.count_stranger(self._address, self._tally)
        except RateLimited as error:
            self._is_replaced = True
            answer = problem_response(error)
            start = {"type": "http.response.start", "status": answer.status_code}
            await self._send({**start, "headers": answer.raw_headers})
            await self._send({"type": "http.response.body", "body": answer.body})


_OWN: Final = frozenset(
    {"/health/live", "/health/ready", "/health", "/metrics", "/openapi.json", "/docs", "/"}
)
_PRIVATE: Final = frozenset(
    {
        *(_IDENTITY, _ADDRESS),
        b"x-api-key",
        b"authorization",
        b"cookie",
        b"x-correlation-id",
        b"x-request-id",
        _TRACEPARENT,
    }
)


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
