"""One connection to a RabbitMQ cluster, opened anew by whoever asks after it was lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import (
    CONNECTION_EXCEPTIONS,
    AuthenticationError,
    ProbableAuthenticationError,
)

from imagemill.errors import ImagemillError, InvalidRequest, Unavailable
from imagemill.queue.rabbitmq_settings import RabbitMQSettings
from imagemill.queue.tls import TLSSettings

ANSWER_S: Final = 5.0
"""Longest wait for an answer; one takes milliseconds, an election of a queue's leader seconds."""
_FAILURES: Final = (*CONNECTION_EXCEPTIONS, TimeoutError)
_CONNECT_S: Final = 3.0
_UNVERIFIED: Final = "no_verify_ssl"
_LEAVE_ALONE_S: Final = 0.5
"""Pause after no server could be reached, in which nobody tries again."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where the servers are, and what they are shown; names and passwords are in addresses."""

    servers: tuple[str, ...]
    settings: RabbitMQSettings
    tls: TLSSettings
    heartbeat_s: int = 15
    """Silence after which either side takes the other for dead is about twice this."""

    def options(self) -> dict[str, Any]:
        """Give the client library's words; raises `InvalidRequest` for what cannot be."""
        for server in self.servers:
            _check_way(server, has_files=self.tls.is_set)
        context = {"ssl_context": self.tls.context()} if self.tls.is_set else {}
        return {"heartbeat": self.heartbeat_s, **context}


@dataclass(eq=False)
class Connection:
    """Connects when asked; while no server answers, whoever asks hears so at once."""

    login: Login
    is_new: Callable[[], None]
    """Called when there is a new connection: what was declared may be gone."""
    _connection: AbstractConnection | None = field(default=None, init=False)
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _not_before: float = field(default=0.0, init=False)
    """Monotonic time before which no server is tried again."""

    async def connected(self) -> AbstractConnection:
        """Give the connection, which may be a new one; raises `Unavailable` without any."""
        async with self._connecting:
            # Lost, it counts as open for the library; what is over is that it is connected.
            if self._connection is None or not self._connection.connected.is_set():
                self._connection = await self._first_that_answers()
                self.is_new()
            return self._connection

    async def channel(self, *, publishes: bool = False) -> AbstractChannel:
        """Open a channel; raises `Unavailable` when no server answers."""
        connection = await self.connected()
        channel = connection.channel(publisher_confirms=publishes, on_return_raises=publishes)
        async with told("RabbitMQ opens no channel"):
            await channel.initialize()
        return channel

    async def close(self) -> None:
        """Leave; what is not acknowledged goes back into its queue."""
        if self._connection:
            with suppress(Unavailable):
                async with told("RabbitMQ closes no connection"):
                    await self._connection.close()

    async def _first_that_answers(self) -> AbstractConnection:
        if time.monotonic() < self._not_before:
            raise Unavailable("RabbitMQ does not answer; it is tried again and again.")
        problem: Exception | None = None
        options = self.login.options()
        for server in self.login.servers:
            try:
                async with asyncio.timeout(_CONNECT_S):
                    found: AbstractConnection = await aio_pika.connect(server, **options)
                    return found
            except _FAILURES as error:
                problem = error
        self._not_before = time.monotonic() + _LEAVE_ALONE_S
        raise _explained(problem) from problem


class told:  # noqa: N801 - read as a word: `async with told("...")`
    """Bound a block that asks the broker, and raise `Unavailable` for whatever goes wrong there.

    A class, for a generator would be a second one to close where a receiver's own is closed.
    """

    def __init__(self, problem: str) -> None:
        """Say in a few words what then went wrong."""
        self._problem = problem
        self._limit = asyncio.timeout(ANSWER_S)

    async def __aenter__(self) -> None:
        """Begin to count."""
        await self._limit.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Translate what was raised, or the end of the time."""
        try:
            await self._limit.__aexit__(kind, error, trace)
        except TimeoutError as late:
            error = late
        # The library throws a bare one at whoever waits while the connection is closed.
        if isinstance(error, _FAILURES) or type(error) is Exception:
            raise Unavailable(f"{self._problem}: {said(error)}.") from error


async def leave(channel: AbstractChannel) -> None:
    """Close a channel, whatever state it is in."""
    with suppress(Unavailable):
        async with told("RabbitMQ closes no channel"):
            await channel.close()


def _check_way(server: str, *, has_files: bool) -> None:
    """Refuse an address over which the library would do without TLS, or without a look."""
    parts = urlsplit(server)
    if _UNVERIFIED in parse_qs(parts.query, keep_blank_values=True):
        raise InvalidRequest(
            f"The address of RabbitMQ says {_UNVERIFIED}, which would talk to whoever answers; "
            "name who vouches for the server in IMAGEMILL_QUEUE_TLS_CA_FILE instead."
        )
    if has_files and parts.scheme != "amqps":
        raise InvalidRequest(
            "IMAGEMILL_QUEUE_TLS_CA_FILE, _CERTIFICATE_FILE or _KEY_FILE is set, but an address of "
            "RabbitMQ begins with amqp://, which is spoken without TLS; write amqps://."
        )


def said(error: BaseException) -> str:
    """Put a failure into words; the library's are often empty."""
    return str(error) or type(error).__name__


def _explained(problem: Exception | None) -> ImagemillError:
    is_login = isinstance(problem, AuthenticationError | ProbableAuthenticationError)
    if is_login or "ACCESS_REFUSED" in str(problem):
        return InvalidRequest("RabbitMQ does not let us in: its name or password is wrong.")
    why = said(problem) if problem else "no address was given"
    return Unavailable(f"RabbitMQ cannot be reached: {why}.")
