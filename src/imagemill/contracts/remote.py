"""A service in another process, over HTTP, behind a circuit breaker.

What an answer says does not matter to the breaker, be it an error: a service that refuses is there.
A caller who leaves in the middle of a long answer ends it there too: a stream of events would else
go on for nobody, and keep its connections.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterator, MutableMapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

import httpx2
import stamina

from imagemill.breaker import Asked, Breaker, State, Verdict
from imagemill.contracts.noted import OTHER, ROUTE, noted
from imagemill.contracts.problem import MEDIA_TYPE
from imagemill.contracts.transport import SERVICE, Call, Receive, Reply, Scope, Send, unreachable
from imagemill.errors import MalformedBody

_TRIES: Final = 3
_CONNECTIONS: Final = httpx2.Limits(
    max_connections=1000, max_keepalive_connections=100, keepalive_expiry=3.0
)
"""A kept connection is let go here before the service does it, which may be while we send."""
_TRIES_S: Final = 2.0
"""Time for all tries together: a service that restarts is back by then, or will take longer."""
_CONNECT_S: Final = 2.0
"""Limit of one connect: it takes milliseconds, and a lost packet is sent again after one second."""
_WHOLE_BYTES: Final = 65_536
"""An answer of up to so many bytes is begun when all of it is there, and goes out in one piece: so
who dies, here or there, breaks none off, and it can be asked for once more."""
_HELD_S: Final = 60.0
"""Longest time for which a caller may ask a service to hold its answer (`Prefer: wait`)."""
_NOTHING_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout)
_OUR_SIDE: Final = (
    httpx2.PoolTimeout,
    httpx2.LocalProtocolError,
    httpx2.UnsupportedProtocol,
)
"""Errors that tell nothing of the service: too much is under way here, or the request is odd."""
_BETWEEN: Final = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)
"""What a proxy on the way answers for a service that it cannot reach."""

_NOT_PASSED_ON: Final = frozenset({b"transfer-encoding", ROUTE.encode()})


class Remote:
    """A `Transport` over HTTP to a service at an address."""

    def __init__(
        self,
        service: str,
        address: str,
        breaker: Breaker,
        *,
        tries: int = _TRIES,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = 30.0,
        held_s: float = _HELD_S,
    ) -> None:
        """Speak to a service at `address`, such as `http://jobs:8000`; close() it at the end.

        `tls` says what is shown to a service at `https://`, and whom it has to be signed by.
        A reading or writing that gets nowhere for `timeout_s` ends the call; the answer to a
        forwarded request may take `held_s` longer, for its caller may have asked to wait.
        """
        self._service = service
        self._breaker = breaker
        self._most_tries = tries
        limits = httpx2.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S))
        self._held = httpx2.Timeout(**{**limits.as_dict(), "read": timeout_s + held_s})
        self._client = httpx2.AsyncClient(
            base_url=address,
            timeout=limits,
            limits=_CONNECTIONS,
            verify=True if tls is None else tls,
            trust_env=False,
            follow_redirects=False,
        )

    @property
    def is_tried_out(self) -> bool:
        """Tell whether a call is finding out now whether the service is back."""
        return self._breaker.state is State.HALF_OPEN

    def hurry(self) -> None:
        """Let the next call find out whether a service that is left alone is back."""
        self._breaker.hurry()

    async def send(self, call: Call) -> Reply:
        """Send the call and read the answer whole; raises `NotAsked` while the breaker is open."""
        with self._breaker.asking() as asked, _translating(asked):
            async for attempt in self._tries():
                with attempt:
                    response = await self._sent(call, asked)
        return Reply(response.status_code, dict(response.headers), response.content)

    async def forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream the request there and the answer back; raises `NotAsked` as `send` does."""
        with self._breaker.asking() as asked, _translating(asked):
            async for attempt in self._tries():
                with attempt:
                    await self._forwarded(scope, _Asking(receive), send, asked)

    async def close(self) -> None:
        """Close kept connections."""
        await self._client.aclose()

    async def _sent(self, call: Call, asked: Asked) -> httpx2.Response:
        body = call.body
        response = await self._client.request(
            call.method,
            call.path,
            headers={**call.headers, SERVICE: self._service},
            content=body if isinstance(body, bytes) else asked.fed_by(body),
        )
        _raise_for_proxy(response)
        return response

    async def _forwarded(self, scope: Scope, asking: _Asking, send: Send, asked: Asked) -> None:
        async with self._client.stream(
            scope["method"],
            _target(scope),
            headers=self._headers(scope),
            content=asked.fed_by(asking.body()),
            timeout=self._held,
        ) as response:
            _raise_for_proxy(response)
            # A stream of events may go on for hours, and a restart ends many of them at once.
            asked.settle(Verdict.ANSWERED)
            noted(scope).route = response.headers.get(ROUTE, OTHER)
            await _send_response(response, asking, send)

    def _tries(self) -> AsyncIterable[stamina.Attempt]:
        return stamina.retry_context(
            on=self._may_try_again,
            attempts=self._most_tries,
            timeout=_TRIES_S,
            wait_initial=0.4,
            wait_max=1.0,
            wait_jitter=0.2,
        )

    def _may_try_again(self, error: Exception) -> bool:
        """Allow it where nothing was sent, to calls that are no probe and while none is needed."""
        return isinstance(error, _NOTHING_SENT) and self._breaker.state is State.CLOSED

    def _headers(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        kept = [pair for pair in scope["headers"] if pair[0] not in {b"host", SERVICE.encode()}]
        return [*kept, (SERVICE.encode(), self._service.encode())]


def is_unsent(error: Exception) -> bool:
    """Tell whether nothing was sent, for there was no connection."""
    return isinstance(error.__cause__, _NOTHING_SENT)


def is_unanswered(error: Exception) -> bool:
    """Tell whether a connection broke before the answer; what was sent may have been done."""
    return isinstance(error.__cause__, httpx2.TransportError) and not isinstance(
        error.__cause__, (*_OUR_SIDE, httpx2.TimeoutException)
    )


@contextmanager
def _translating(asked: Asked) -> Iterator[None]:
    """Turn the client's errors into ours, and tell the breaker which are no verdict."""
    try:
        yield
    except httpx2.HTTPError as error:
        if isinstance(error, _OUR_SIDE):
            asked.settle(Verdict.NONE)
        raise unreachable() from error


def _raise_for_proxy(response: httpx2.Response) -> None:
    """Raise `Unavailable` for the answer of somebody who stands before the service."""
    media = response.headers.get("content-type", "")
    if response.status_code in _BETWEEN and not media.startswith(MEDIA_TYPE):
        raise unreachable()


def _target(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    return f"{path}?{query}" if query else path


class _Asking:
    """Who sent a request that is passed on, and may leave before the answer ends."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_heard_out = False

    async def body(self) -> AsyncIterator[bytes]:
        """Give the body as it comes; raises `MalformedBody` where the sender left in its middle."""
        while not self._is_heard_out:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                # Never as the end of the body: the service would keep half a picture.
                raise MalformedBody("The connection ended before the body did.")
            self._is_heard_out = not message.get("more_body", False)
            yield message.get("body", b"")

    async def has_left(self) -> None:
        """Wait until the caller has left; for ever where the body was not read to its end.

        Such an answer was given early and is short, and what reads on would take a body for nobody.
        """
        is_gone = self._is_heard_out and (await self._receive())["type"] == "http.disconnect"
        if not is_gone:
            await asyncio.Event().wait()


async def _send_response(response: httpx2.Response, asking: _Asking, send: Send) -> None:
    """Send an answer on, to its end or until the caller has left."""
    headers = [(k.lower(), v) for k, v in response.headers.raw if k.lower() not in _NOT_PASSED_ON]
    start: MutableMapping[str, Any] = {
        "type": "http.response.start",
        "status": response.status_code,
        "headers": headers,
    }
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) <= _WHOLE_BYTES:
        whole = b"".join([piece async for piece in response.aiter_raw()])
        await send(start)
        await send({"type": "http.response.body", "body": whole, "more_body": False})
        return
    await send(start)
    passing = asyncio.create_task(_send_pieces(response, send))
    leaving = asyncio.create_task(asking.has_left())
    try:
        await asyncio.wait({passing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if passing.done():
            await passing
    finally:
        passing.cancel()
        leaving.cancel()
        await asyncio.gather(passing, leaving, return_exceptions=True)


async def _send_pieces(response: httpx2.Response, send: Send) -> None:
    async for piece in response.aiter_raw():
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
