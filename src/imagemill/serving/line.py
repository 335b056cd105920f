"""One connection: plain HTTP/1 that can be read in one way only, within bounds of time and room.

The parser of httptools refuses most of what can be read in two ways (both lengths, two lengths,
folded fields, spaces before colons, line feeds alone; `tests/attacks/test_heads.py` shows it).
Here stands what it lets pass, and patience: a head has a time limit, and a body that comes, and an
answer that is taken, have a minimum speed. Time in which this side does not read is nobody's fault.
Streams of events and answers that are waited for are never slow: nothing has to move there.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final

import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from imagemill.errors import (
    HeadTooLarge,
    ImagemillError,
    MalformedRequest,
    TargetTooLong,
    TooSlow,
    Unavailable,
)
from imagemill.serving.crowd import Crowd
from imagemill.serving.pace import TARGET_BYTES, Bounds, Pace
from imagemill.web.problems import problem_response

_log = structlog.get_logger(__name__)

_ONCE: Final = frozenset({b"host", b"authorization", b"x-api-key", b"content-type", b"expect"})
"""Fields whose first and last might be taken by different readers."""
_LENGTHS: Final = frozenset({b"content-length", b"transfer-encoding"})
_MOST_WAITING: Final = 16
"""Requests that may be sent before the answer to the first; no client in use sends ahead."""
_FRAMING_BYTES: Final = 65_536
_FRAMING_SHARE: Final = 32
"""Bytes round a body, for one byte of it: the smallest chunk has 5."""
_LINGER_S: Final = 5.0
"""Seconds for which the rest of a body is read that was answered before its end."""
_PARTING_S: Final = 0.2
"""Seconds for which a connection stands at a stop that asks nothing now: something may be on its
way, and who sent it could not tell whether it was done."""
_LYING_S: Final = 1.0
_TAKEN_BYTES_PER_S: Final = 100_000
"""Who takes an answer faster than that is not given up; 0.8 Mbit/s is a poor connection."""
_UNSENT_BYTES: Final = 262_144
"""What the kernel may hold of an answer beside what is on its way."""
_TCP_NOTSENT_LOWAT: Final = 25
"""As Linux numbers it; `socket` has no name for it before Python 3.12."""
_WITHOUT_REST: Final = struct.pack("ii", 1, 0)
_VERSIONS: Final = frozenset({"1.0", "1.1"})


class _At(Enum):
    """What is read now."""

    HEAD = auto()
    BODY = auto()
    NOTHING = auto()
    """A request was read to its end, and no other has begun."""


class Line(HttpToolsProtocol):
    """A connection of uvicorn's that knows bounds."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        bounds: Bounds,
        crowd: Crowd,
    ) -> None:
        """Be one of `crowd`, within `bounds`."""
        super().__init__(config, server_state, app_state, _loop)
        self._bounds = bounds
        self._crowd = crowd
        self._at = _At.HEAD
        self._began = self.loop.time()
        self._head_bytes = self._field_bytes = self._fields = 0
        self._framing = self._body_bytes = self._heads = 0
        self._in = self._out = self._lying = Pace(self._began)
        self._left = 0
        self._refusal: ImagemillError | None = None
        self._answered_at: float | None = None
        self._is_parting = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """Begin, or turn the caller away where there are too many."""
        super().connection_made(transport)
        self._began = self.loop.time()
        wire = transport.get_extra_info("socket")
        wire.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        if not self._crowd.joins(self, self._address):
            self._refuse(Unavailable("There are too many connections; try again.", retry_after_s=5))

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._crowd.leaves(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; what is too much or can be read in two ways is refused."""
        if self._at is _At.NOTHING:
            self._begin_head()
        was_body, body_before, heads = self._at is _At.BODY, self._body_bytes, self._heads
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._at is _At.HEAD:
            self._head_bytes += len(data)
            if self._head_bytes > self._bounds.head_bytes:
                self._refuse(self._too_large())
        elif was_body and self._heads == heads:  # Else the piece held another request's head, too.
            self._framing += len(data) - (self._body_bytes - body_before)
            if self._framing > _FRAMING_BYTES + _FRAMING_SHARE * self._body_bytes:
                self._refuse(MalformedRequest("There is more round the body than in it."))

    def on_message_begin(self) -> None:
        """Begin a request, which may follow another one in the same piece."""
        super().on_message_begin()
        self._begin_head()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        super().on_url(url)
        if len(self.url) > TARGET_BYTES:
            self._fail(
                TargetTooLong(
                    f"Path and query have at most {TARGET_BYTES} bytes.",
                    limit={"limit_bytes": TARGET_BYTES},
                )
            )

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field; one after the body would change a request that is being answered."""
        if self._at is not _At.HEAD:
            self._fail(MalformedRequest("Fields after the body are not taken."))
        self._fields += 1
        self._field_bytes += len(name) + len(value)
        is_over = self._field_bytes > self._bounds.head_bytes
        if is_over or self._fields > self._bounds.max_headers:
            self._fail(self._too_large())
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Check the head as a whole, and let it be answered."""
        if problem := _problem_of(self.headers, self.parser.get_http_version(), self._method):
            self._fail(MalformedRequest(problem))
        self._at = _At.BODY
        self._in = Pace(self.loop.time())
        self._framing = self._body_bytes = 0
        self._answered_at = None
        super().on_headers_complete()
        if self._is_parting:
            self.cycle.keep_alive = False
        if len(self.pipeline) > _MOST_WAITING:
            self._fail(MalformedRequest("Too many requests were sent before the first answer."))

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._body_bytes += len(body)
        self._in = self._in.with_more(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._at = _At.NOTHING
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Note when an answer ended before its request did."""
        if self._at is _At.BODY:
            self._answered_at = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Note how much the caller has not taken yet."""
        super().pause_writing()
        self._look_at_answer()

    def resume_writing(self) -> None:
        """Note how much the caller took."""
        self._look_at_answer()
        super().resume_writing()

    def shutdown(self) -> None:
        """End with the answer that is under way, or with that to what comes in a moment."""
        if self._is_answering:
            super().shutdown()
        else:
            self._is_parting = True
            self.loop.call_later(_PARTING_S, super().shutdown)

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def look(self, now: float) -> None:
        """Cut off who is too slow."""
        self._look_at_answer()
        if not self._left:
            self._out = self._lying = Pace(now)
        elif self._bounds.slowest and self._out.is_too_slow(now, self._bounds):
            self._cut("answer is not taken")
        self._out = self._out.renewed(now, self._bounds)
        if not self.transport.is_closing():
            self._look_at_request(now)

    @property
    def untaken(self) -> int:
        """Bytes that wait until the caller takes them."""
        return self._left

    def give_up(self, now: float) -> None:
        """Cut off who took next to nothing for a while; who takes at all will soon be done."""
        lying_s = now - self._lying.since
        if lying_s >= _LYING_S and self._lying.moved < _TAKEN_BYTES_PER_S * lying_s:
            self._cut("too much is not taken")

    def excuse(self, now: float) -> None:
        """Begin all measures anew, for nobody here looked at what came."""
        self._began = now
        self._in = self._out = self._lying = Pace(now)

    def send_400_response(self, msg: str) -> None:
        """Say what was wrong, in the place of uvicorn's own words, and hang up."""
        self._refuse(self._refusal or MalformedRequest("This is no HTTP/1.1 request."))

    def _unsupported_upgrade_warning(self) -> None:
        """Answer as if no other protocol were asked for, and hang up, for the parser stopped."""
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def _look_at_request(self, now: float) -> None:
        if self.flow.read_paused:
            self._began, self._in = now, Pace(now)
        elif self._at is _At.HEAD:
            self._look_at_head(now)
        elif self._at is _At.BODY:
            self._look_at_body(now)

    def _look_at_head(self, now: float) -> None:
        if not self._bounds.head_s or now - self._began < self._bounds.head_s:
            return
        if self._head_bytes:
            limit = {"limit_s": self._bounds.head_s}
            self._refuse(TooSlow("The head of the request took too long.", limit=limit))
        else:
            self._cut("nothing was asked")

    def _look_at_body(self, now: float) -> None:
        if self._answered_at is not None and now - self._answered_at > _LINGER_S:
            self._cut("body was answered before its end")
        elif self.cycle.waiting_for_100_continue:
            self._in = Pace(now)
        elif self._bounds.slowest and self._in.is_too_slow(now, self._bounds):
            limit = {"limit_bytes_per_s": self._bounds.slowest}
            self._refuse(TooSlow("The body of the request came too slowly.", limit=limit))
        self._in = self._in.renewed(now, self._bounds)

    def _look_at_answer(self) -> None:
        """Count what left; what is written meanwhile hides some of it, which does no harm."""
        size = self.transport.get_write_buffer_size()
        taken = max(0, self._left - size)
        self._out, self._lying = self._out.with_more(taken), self._lying.with_more(taken)
        self._left = size

    def _begin_head(self) -> None:
        self._at = _At.HEAD
        self._heads += 1
        self._began = self.loop.time()
        self._head_bytes = self._field_bytes = self._fields = 0

    def _fail(self, error: ImagemillError) -> None:
        """Stop the parser, which then asks for the answer to what is wrong."""
        self._refusal = error
        raise error

    def _refuse(self, error: ImagemillError) -> None:
        """Answer and hang up; only hang up where another answer is under way."""
        answer = self.cycle
        if answer is not None and answer.response_started and not answer.response_complete:
            self._cut(error.code)
            return
        _log.info("request_refused", code=error.code, address=self._address)
        if not self.transport.is_closing():
            self.transport.write(_written(error))
            self.transport.close()

    def _cut(self, reason: str) -> None:
        """Hang up at once; what has not been sent is dropped, by the kernel too."""
        _log.info("connection_cut", reason=reason, address=self._address)
        wire = self.transport.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _WITHOUT_REST)
        self.transport.abort()

    def _too_large(self) -> HeadTooLarge:
        most, fields = self._bounds.head_bytes, self._bounds.max_headers
        return HeadTooLarge(
            f"The head of a request has at most {most} bytes and {fields} fields.",
            limit={"limit_bytes": most, "limit_fields": fields},
        )

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    @property
    def _method(self) -> bytes:
        method: bytes = self.parser.get_method()
        return method


def _problem_of(headers: list[tuple[bytes, bytes]], version: str, method: bytes) -> str | None:
    """Tell what is wrong with a head that the parser took; None where nothing is."""
    names = [name for name, _ in headers]
    codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    twice = sorted(name.decode() for name in _ONCE if names.count(name) > 1)
    # What follows an upgrade is the other protocol's to the parser: a body would be lost.
    is_lost = b"upgrade" in names and not _LENGTHS.isdisjoint(names)
    faults = (
        (version not in _VERSIONS, "Only HTTP/1.1 is spoken here."),
        (version == "1.1" and b"host" not in names, "A request names its host."),
        (method == b"CONNECT", "This is no proxy."),
        (bool(twice), f"A field is there twice: {', '.join(twice)}."),
        (is_lost, "Send a body without asking for another protocol."),
        (bool(codings) and codings != [b"chunked"], "The only transfer coding is `chunked`."),
        (bool(codings) and version == "1.0", "HTTP/1.0 knows no transfer coding."),
    )
    return next((said for is_so, said in faults if is_so), None)


def _written(error: ImagemillError) -> bytes:
    """Write an answer as it goes over the wire."""
    answer = problem_response(error)
    head = [b"HTTP/1.1 %d %s" % (answer.status_code, HTTPStatus(error.status).phrase.encode())]
    head += [name + b": " + value for name, value in answer.raw_headers]
    return b"\r\n".join([*head, b"connection: close", b"", bytes(answer.body)])
