"""One id for each request, in and out, and the edge where nothing unforeseen gets past."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import structlog
from opentelemetry.trace import Span, StatusCode

from imagemill.contracts.noted import ROUTE, Noted, noted
from imagemill.contracts.transport import SERVICE, ASGIApp, Receive, Scope, Send
from imagemill.errors import Internal
from imagemill.telemetry import about
from imagemill.telemetry.meter import Meter
from imagemill.telemetry.metrics import HTTP_DURATION, HTTP_REQUESTS
from imagemill.telemetry.tracing import HEADER as TRACEPARENT
from imagemill.telemetry.tracing import Tracing, traceparent
from imagemill.web.problems import problem_response

_log = structlog.get_logger(__name__)
_LONGEST_ID = 128
_LONGEST_NAME: Final = 36
"""Characters of a UUID, the longest thing of ours between two slashes; keys are longer."""
_ASKED_BY_MACHINES: Final = frozenset({"/health/live", "/health/ready", "/metrics"})
"""Asked every few seconds, for ever; logged as `DEBUG`, so that other lines are found."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LEFT: Final = 499
"""Told as the status of a request whose caller left before the answer."""
_TRACEPARENT: Final = TRACEPARENT.encode()
_SERVICE: Final = SERVICE.encode()
_OURS: Final = frozenset({b"x-correlation-id", _TRACEPARENT, ROUTE.encode()})


class RequestIds:
    """Give every request an id, the caller's own where it sent one, and tell how it ended.

    The line costs 14 µs (measured 2026-11, into a file); what numbers and the trace cost is in
    decision 25.
    """

    def __init__(
        self,
        app: ASGIApp,
        meter: Meter | None = None,
        tracing: Tracing | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        is_inside: bool = False,
    ) -> None:
        """Wrap `app`; `clock` tells seconds.

        With `is_inside` a gateway in another process is told which route took its request.
        """
        self._is_inside = is_inside
        self._app = app
        self._meter = meter or Meter()
        self._tracing = tracing or Tracing()
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry the id in and out, and catch what nobody foresaw: the request edge."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        request_id, known = _request_id(headers), noted(scope)
        given = headers.get(_TRACEPARENT)
        trace = given.decode("latin-1") if given else None
        began = self._clock()
        with about(request_id=request_id), self._tracing.request(trace, scope["method"]) as span:
            watched = _Watched(
                send, request_id, known if self._is_inside and _SERVICE in headers else None
            )
            try:
                await self._app(scope, receive, watched.send)
            except Exception as error:  # noqa: BLE001 - the request edge: logged once, answered once
                _log.exception("request_failed", path=_loggable(scope["path"]), exc_info=error)
                await watched.answer_internal(scope, receive)
            finally:
                self._tell(_Ended(scope, known, watched, self._clock() - began), span)

    def _tell(self, ended: _Ended, span: Span) -> None:
        """Log one request, without its query or what else may be a key put in the wrong place."""
        if ended.is_asked_by_machines:
            _log.debug("request", **ended.line())
        else:
            _log.info("request", **ended.line())
        method, route = ended.method, ended.known.route
        self._meter.count(HTTP_REQUESTS, method, route, str(ended.watched.status or _LEFT))
        self._meter.observe(HTTP_DURATION, ended.seconds, method, route)
        if span.is_recording():
            span.update_name(f"{method} {route}")
            span.set_attributes(ended.attributes())
            if (ended.watched.status or _LEFT) >= HTTPStatus.INTERNAL_SERVER_ERROR:
                span.set_status(StatusCode.ERROR)


class _Watched:
    def __init__(self, send: Send, request_id: str, told: Noted | None) -> None:
        self._send = send
        self._told = told
        """What the gateway is told of the request; None where somebody else asks."""
        self._headers = [(b"x-correlation-id", request_id.encode())]
        if (trace := traceparent()) is not None:
            self._headers.append((_TRACEPARENT, trace.encode()))
        self.status: int | None = None
        """What was answered; None until then, and for ever if the caller left before."""
        self.size = 0
        """Bytes of the answer's body so far."""

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            kept = [pair for pair in message["headers"] if pair[0] not in _OURS]
            route = [(ROUTE.encode(), self._told.route.encode())] if self._told else []
            message = {**message, "headers": [*kept, *self._headers, *route]}
        else:
            self.size += len(message.get("body", b""))
        await self._send(message)

    async def answer_internal(self, scope: Scope, receive: Receive) -> None:
        if self.status is None:
            answer = problem_response(Internal("Something went wrong on our side; it was logged."))
            await answer(scope, receive, self.send)


@dataclass(frozen=True, slots=True)
class _Ended:
    """One request after its end."""

    scope: Scope
    known: Noted
    watched: _Watched
    seconds: float

    @property
    def method(self) -> str:
        """Its method; what a client made up is not told further."""
        return self.scope["method"] if self.scope["method"] in _METHODS else "other"

    @property
    def is_asked_by_machines(self) -> bool:
        return self.scope["path"] in _ASKED_BY_MACHINES

    def line(self) -> dict[str, Any]:
        """Give the fields of the line in the log."""
        line = {
            "method": self.method,
            "path": _loggable(self.scope["path"]),
            "route": self.known.route,
            "status": self.watched.status,
            "ms": round(self.seconds * 1000, 1),
            "bytes": self.watched.size,
        }
        who = {"account": self.known.account, "key_id": self.known.key_id}
        return line | {name: value for name, value in who.items() if value}

    def attributes(self) -> dict[str, str | int]:
        """Give the attributes of the span, in the words of OpenTelemetry."""
        return {
            "http.request.method": self.method,
            "http.route": self.known.route,
            "http.response.status_code": self.watched.status or _LEFT,
            "http.response.body.size": self.watched.size,
        }


def _loggable(path: str) -> str:
    return "/".join(part if len(part) <= _LONGEST_NAME else "..." for part in path.split("/"))


def _request_id(headers: Mapping[bytes, bytes]) -> str:
    given = headers.get(b"x-correlation-id") or headers.get(b"x-request-id") or b""
    text = given.decode("latin-1")
    is_plain = text.isascii() and text.isprintable() and len(text) <= _LONGEST_ID
    return text if text and is_plain else secrets.token_hex(16)
