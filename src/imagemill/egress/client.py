"""The one client for URLs that users give: of images to fetch, and of webhooks to call.

It has no memory: no cookies, no credentials, no connection that is kept, no redirect but those of
`fetch`, no proxy, and nothing of the environment. Known limit: a server that accepts a connection
and says nothing is told from one that refuses, by the time it takes.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from socket import EAI_AGAIN, gaierror
from typing import Final

import httpcore2
import httpx2
import structlog

from imagemill.egress import urls
from imagemill.egress.addresses import Address, is_open
from imagemill.egress.bounds import Bounds, Pace
from imagemill.egress.lines import Lines
from imagemill.egress.pinning import Pinned
from imagemill.egress.resolving import Resolver, SystemResolver
from imagemill.egress.settings import Rules
from imagemill.egress.urls import Target, blocked
from imagemill.errors import SourceRefused, SourceUnavailable, TooLarge, UrlNotAllowed

USER_AGENT: Final = "Imagemill"
MOST_REDIRECTS: Final = 3
PER_HOST: Final = 4
"""Connections to one host at once."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SERVED: Final = frozenset({200, 203})
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host answers; gone when its `async with` ends."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; the first of each name."""
    body: AsyncIterator[bytes]
    """Read under the bounds: raises `TooLarge` and `SourceUnavailable`."""


class Egress:
    """Asks hosts that users name, where the rules let it."""

    def __init__(
        self,
        rules: Rules,
        *,
        resolver: Resolver | None = None,
        clock: Callable[[], float] = time.monotonic,
        tls: Callable[[], ssl.SSLContext] = lambda: httpx2.create_ssl_context(trust_env=False),
    ) -> None:
        """Go by `rules`; `tls` makes what certificates are verified against, when first used."""
        self._rules = rules
        self._resolver = resolver or SystemResolver()
        self._clock = clock
        self._make_tls = tls
        self._tls: ssl.SSLContext | None = None
        self._lines = Lines(PER_HOST)

    def check(self, url: str) -> None:
        """Raise `UrlNotAllowed` for a URL that will be blocked whoever answers; asks nobody."""
        urls.read(url, self._rules)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        bounds: Bounds,
    ) -> AsyncIterator[Answer]:
        """Send one request and give the answer, a redirect too, as it is.

        Raises `SourceBlocked` where nobody may be asked, nobody is there, or no HTTP is spoken;
        `SourceUnavailable` where it takes too long, `SourceRefused` where the connection breaks.
        """
        async with self._asked(method, self._read(url), headers or {}, content, bounds) as answer:
            yield answer

    @asynccontextmanager
    async def fetch(self, url: str, bounds: Bounds) -> AsyncIterator[Answer]:
        """Get what a URL leads to, over three redirects at most, each judged like the first.

        Raises as `stream` does; `SourceUnavailable` for a server's error (5xx), with the pause that
        it asked for, and `SourceRefused` for any other answer that carries no picture.
        """
        target, ends_at = self._read(url), self._clock() + bounds.total_s
        for _ in range(MOST_REDIRECTS + 1):
            left = replace(bounds, total_s=max(0.001, ends_at - self._clock()))
            async with self._asked("GET", target, {}, b"", left) as answer:
                if answer.status not in _REDIRECTS:
                    _raise_for(answer)
                    yield answer
                    return
                target = self._next(target, answer)
        raise SourceRefused(f"The URL redirects more than {MOST_REDIRECTS} times.")

    def _read(self, url: str) -> Target:
        try:
            return urls.read(url, self._rules)
        except UrlNotAllowed as error:
            raise blocked() from error

    def _next(self, target: Target, answer: Answer) -> Target:
        try:
            return urls.joined(target, answer.headers.get("location", ""), self._rules)
        except UrlNotAllowed as error:
            _log.info("redirect_blocked", host=target.host)
            raise blocked() from error

    @asynccontextmanager
    async def _asked(
        self,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        content: bytes,
        bounds: Bounds,
    ) -> AsyncIterator[Answer]:
        async with AsyncExitStack() as stack:
            with _translating(target):
                await stack.enter_async_context(self._lines.turn(target.host, bounds.total_s))
                ends_at = self._clock() + bounds.total_s
                async with asyncio.timeout(bounds.total_s):
                    pool = await stack.enter_async_context(await self._pool(target, bounds))
                    response = await stack.enter_async_context(
                        pool.stream(
                            method,
                            _url(target),
                            headers=_headers(target, headers),
                            content=content or None,
                            extensions={"timeout": _timeouts(bounds)},
                        )
                    )
            found = _first_of_each(response)
            _refuse_announced(found, bounds)
            body = self._body(target, response, bounds, ends_at)
            await stack.enter_async_context(aclosing(body))
            yield Answer(response.status, found, body)

    async def _pool(self, target: Target, bounds: Bounds) -> httpcore2.AsyncConnectionPool:
        """Make the way to a target: one connection, to addresses that were judged."""
        addresses = [target.address] if target.address else await self._resolved(target, bounds)
        return httpcore2.AsyncConnectionPool(
            ssl_context=self._context() if target.scheme == "https" else None,
            max_connections=1,
            max_keepalive_connections=0,
            network_backend=Pinned(addresses),
        )

    async def _resolved(self, target: Target, bounds: Bounds) -> list[Address]:
        async with asyncio.timeout(bounds.lookup_s):
            addresses = await self._resolver(target.host)
        named = urls.is_host_allowed(target, self._rules)
        if not addresses or not (
            named or all(is_open(each, self._rules.networks) for each in addresses)
        ):
            _log.info("address_blocked", host=target.host, addresses=[str(a) for a in addresses])
            raise blocked()
        return addresses

    def _context(self) -> ssl.SSLContext:
        self._tls = self._tls or self._make_tls()
        return self._tls

    async def _body(
        self, target: Target, response: httpcore2.Response, bounds: Bounds, ends_at: float
    ) -> AsyncGenerator[bytes, None]:
        pace = Pace(self._clock())
        pieces = response.aiter_stream().__aiter__()
        with _reading(target):
            while True:
                async with asyncio.timeout(max(0.0, ends_at - self._clock())):
                    piece = await anext(pieces, b"")
                if not piece:
                    return
                pace = replace(pace, size_bytes=pace.size_bytes + len(piece))
                if pace.size_bytes > bounds.most_bytes:
                    raise _too_large(bounds)
                if pace.is_too_slow(self._clock(), bounds):
                    raise _too_slow()
                yield piece


@contextmanager
def _translating(target: Target) -> Iterator[None]:
    """Turn what happens before there is an answer into our errors, mostly into one and the same."""
    try:
        yield
    except (TimeoutError, httpcore2.TimeoutException) as error:
        raise _too_slow() from error
    except gaierror as error:
        _log.info("lookup_failed", host=target.host, reason=str(error))
        raise (_unanswered() if error.errno == EAI_AGAIN else blocked()) from error
    except (OSError, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        _log.info("no_http_answer", host=target.host, port=target.port, reason=repr(error))
        raise blocked() from error


@contextmanager
def _reading(target: Target) -> Iterator[None]:
    """Turn what happens to a body on its way into our errors."""
    try:
        yield
    except (TimeoutError, httpcore2.TimeoutException) as error:
        raise _too_slow() from error
    except (OSError, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        _log.info("answer_broke_off", host=target.host, reason=repr(error))
        raise SourceRefused("The host of the URL broke its answer off.") from error


def _raise_for(answer: Answer) -> None:
    if answer.status >= httpx2.codes.INTERNAL_SERVER_ERROR:
        wait = answer.headers.get("retry-after", "")
        raise SourceUnavailable(
            f"The host of the URL answered with status {answer.status}.",
            retry_after_s=int(wait)
            if wait.isascii() and wait.isdigit() and len(wait) < 7
            else None,
        )
    if answer.status not in _SERVED:
        raise SourceRefused(f"The host of the URL answered with status {answer.status}.")


def _refuse_announced(headers: Mapping[str, str], bounds: Bounds) -> None:
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > bounds.most_bytes:
        raise _too_large(bounds)


def _too_large(bounds: Bounds) -> TooLarge:
    return TooLarge(
        f"The URL leads to more than the {bounds.most_bytes} bytes that are read.",
        limit={"limit_bytes": bounds.most_bytes},
    )


def _too_slow() -> SourceUnavailable:
    return SourceUnavailable("The host of the URL took too long to answer.")


def _unanswered() -> SourceUnavailable:
    return SourceUnavailable("The host of the URL could not be looked up now.")


def _url(target: Target) -> httpcore2.URL:
    return httpcore2.URL(
        scheme=target.scheme.encode(),
        host=target.host.encode(),
        port=target.port,
        target=target.path.encode(),
    )


def _headers(target: Target, given: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Join our headers and the caller's; nobody but us says what host is asked."""
    ours = {"host": target.authority, "user-agent": USER_AGENT, "accept-encoding": "identity"}
    joined = {"accept": "*/*", **{name.lower(): value for name, value in given.items()}, **ours}
    return [(name.encode(), value.encode()) for name, value in joined.items()]


def _timeouts(bounds: Bounds) -> dict[str, float]:
    return {
        "connect": bounds.connect_s,
        "read": bounds.read_s,
        "write": bounds.read_s,
        "pool": bounds.connect_s,
    }


def _first_of_each(response: httpcore2.Response) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in response.headers:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return found
