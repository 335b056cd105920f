"""How a typed client reaches its service: in memory when it runs here, as `remote` says when not.

Both ways speak HTTP to the same ASGI app, so that the border is exercised by every test.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterable,
    Awaitable,
    Callable,
    Mapping,
    MutableMapping,
)
from dataclasses import dataclass
from typing import Any, Final, Protocol

import httpx2

from imagemill.contracts.problem import error_of
from imagemill.errors import Unavailable

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
SERVICE: Final = "x-imagemill-service"
"""Header that names the service that is asked, for several may share an address."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a service."""

    method: str
    path: str
    """Path with its query, such as `/internal/images?limit=1`."""
    headers: Mapping[str, str]
    """Header names in lower case."""
    body: bytes | AsyncIterable[bytes] = b""
    is_repeatable: bool = False
    """Whether doing it twice is the same as once, so that it may be sent again elsewhere."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the service answered, read whole: services exchange facts, pictures go by storage."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """A way to one service."""

    async def send(self, call: Call) -> Reply:
        """Deliver a call; raises `Unavailable` when nobody answers in time."""
        ...

    async def forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a whole request on and stream its answer back."""
        ...


def raise_for_problem(reply: Reply) -> Reply:
    """Raise the error that the service answered; give any other reply back.

    Raises `Unavailable` for an error that no service of ours writes.
    """
    if reply.status < httpx2.codes.MULTIPLE_CHOICES:
        return reply
    wait = reply.headers.get("retry-after", "")
    try:
        error = error_of(reply.body, int(wait) if wait.isdigit() else None)
    except ValueError as unreadable:  # Somebody else answers at this address.
        raise unreachable() from unreadable
    raise error


class InMemory:
    """A `Transport` to an app of this process; no bytes leave it."""

    def __init__(self, app: ASGIApp) -> None:
        """Call `app` directly."""
        self._app = app

    async def send(self, call: Call) -> Reply:
        """Run the app on the call and gather what it sends."""
        answer = _Gathered()
        await self._app(_scope(call), _receiver(call.body), answer.send)
        return answer.reply()

    async def forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app take the request over."""
        await self._app(scope, receive, send)


class Later:
    """A `Transport` to a service that starts after whoever asks it: found at each use."""

    def __init__(self, find: Callable[[], Transport]) -> None:
        """Ask `find` for the way when it is needed."""
        self._find = find

    async def send(self, call: Call) -> Reply:
        """Deliver the call on the way that there is by now."""
        return await self._find().send(call)

    async def forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on along the way that there is by now."""
        await self._find().forward(scope, receive, send)


def unreachable() -> Unavailable:
    """Make the error for a service that does not answer."""
    return Unavailable("A service that is needed does not answer; try again.", retry_after_s=2)


def _scope(call: Call) -> Scope:
    path, _, query = call.path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in call.headers.items()],
        "client": None,
        "server": None,
        "state": {},
    }


def _receiver(body: bytes | AsyncIterable[bytes]) -> Receive:
    if isinstance(body, bytes):
        return _once(body)
    pieces = body.__aiter__()

    async def receive() -> MutableMapping[str, Any]:
        try:
            return {"type": "http.request", "body": await anext(pieces), "more_body": True}
        except StopAsyncIteration:
            return {"type": "http.request", "body": b"", "more_body": False}

    return receive


def _once(body: bytes) -> Receive:
    waiting = [body]

    async def receive() -> MutableMapping[str, Any]:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    return receive


class _Gathered:
    def __init__(self) -> None:
        self._status = 500
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            self._body.append(message.get("body", b""))

    def reply(self) -> Reply:
        return Reply(self._status, self._headers, b"".join(self._body))
