"""One lasting connection to a NATS cluster, which comes back by itself."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import structlog
from nats import errors as nats_errors
from nats.aio.client import Client

from imagemill.errors import ImagemillError, InvalidRequest, NotFound, Unavailable
from imagemill.queue.nats_settings import NATSSettings
from imagemill.queue.tls import TLSSettings

ANSWER_S: Final = 3.0
"""Longest wait for an answer of the server; one takes a millisecond, or an election 1 to 2 s."""
_CONNECT_S: Final = 3.0
_RECONNECT_EVERY_S: Final = 0.5
"""Pause before each server of the address is tried again; for ever."""
_LEAVE_ALONE_S: Final = 0.5
"""Pause after a first connection that failed."""
_OLDEST_VERSION: Final = (2, 10)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Login:
    """Where the servers are, and what they are shown."""

    servers: tuple[str, ...]
    settings: NATSSettings
    tls: TLSSettings

    def options(self) -> dict[str, Any]:
        """Give the client library's words for it; raises `InvalidRequest` for what cannot be."""
        settings, given = self.settings, {"servers": list(self.servers)}
        files = (settings.nkey_file, settings.creds_file)
        if any(files) and not importlib.util.find_spec("nkeys"):
            raise InvalidRequest(
                "IMAGEMILL_QUEUE_NATS_NKEY_FILE and _CREDS_FILE need a package that signs: "
                "pip install nkeys."
            )
        wanted: dict[str, Any] = {
            "user": settings.user,
            "password": settings.password.get_secret_value(),
            "token": settings.token.get_secret_value(),
            "nkeys_seed": str(settings.nkey_file or ""),
            "user_credentials": str(settings.creds_file or ""),
            "tls": self.tls.context() if self._is_encrypted() else None,
        }
        return given | {name: value for name, value in wanted.items() if value}

    def _is_encrypted(self) -> bool:
        return self.tls.is_set or any(each.startswith("tls://") for each in self.servers)


T = TypeVar("T")


@dataclass(eq=False)
class Connection:
    """Connects when first asked, and again for ever; whoever asks meanwhile hears so at once."""

    login: Login
    came_back: Callable[[], Awaitable[None]]
    """Called when the connection is there again."""
    _client: Client | None = field(default=None, init=False)
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _refusal: Exception | None = field(default=None, init=False)
    """What the server, or the way to it, said last."""
    _not_before: float = field(default=0.0, init=False)
    """Monotonic time before which nobody tries again, so that many who ask do not wait in turn."""
    _refusals: int = field(default=0, init=False)
    _all_refused: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @property
    def max_payload_bytes(self) -> int:
        """Largest message with its headers that the server takes; 1 MiB until it has said so."""
        return self._client.max_payload if self._client and self._client.is_connected else 1 << 20

    async def client(self) -> Client:
        """Give the client, connected; raises `Unavailable` at once while it is not."""
        async with self._connecting:
            if self._client is None or self._client.is_closed:
                if time.monotonic() < self._not_before:
                    raise self._explained(self._refusal)
                self._client = await self._opened()
        if not self._client.is_connected:
            raise Unavailable("NATS does not answer; it is tried again and again.")
        return self._client

    async def ask(self, subject: str, request: object = None) -> dict[str, Any]:
        """Ask the server's own API; raises `NotFound`, or `Unavailable` for any other refusal."""
        client = await self.client()
        body = b"" if request is None else json.dumps(request).encode()
        try:
            asked = client.request(f"$JS.API.{subject}", body, timeout=ANSWER_S)
            answer = await heeding(asked)
        except (nats_errors.Error, OSError) as error:
            raise Unavailable(f"JetStream does not answer: {error}.") from error
        said: dict[str, Any] = json.loads(answer.data)
        if problem := said.get("error"):
            kind = NotFound if problem.get("code") == 404 else Unavailable
            raise kind(f"JetStream refused {subject}: {problem.get('description')}.")
        return said

    async def close(self) -> None:
        """Send what is to be sent, and leave."""
        if self._client and not self._client.is_closed:
            try:
                async with asyncio.timeout(ANSWER_S):
                    await self._client.flush()
            except (TimeoutError, OSError, nats_errors.Error):
                _log.info("nats_left_unsaid")
            await self._client.close()

    async def _opened(self) -> Client:
        options, client = self.login.options(), Client()
        self._refusal, self._refusals = None, 0
        self._all_refused.clear()
        try:
            await self._connect(client, options)
            _check_version(client)
        except (TimeoutError, OSError, nats_errors.Error) as error:
            await client.close()
            self._not_before = time.monotonic() + _LEAVE_ALONE_S
            self._refusal = self._refusal or error
            raise self._explained(self._refusal) from error
        except BaseException:
            await client.close()
            raise
        return client

    async def _connect(self, client: Client, options: Mapping[str, Any]) -> None:
        """Connect, but not for ever as the library would: until every server has refused twice."""
        connecting = asyncio.create_task(
            client.connect(
                **options,
                name="imagemill",
                error_cb=self._noted,
                disconnected_cb=self._lost,
                reconnected_cb=self._returned,
                connect_timeout=2,
                reconnect_time_wait=_RECONNECT_EVERY_S,  # type: ignore[arg-type]  # any number
                max_reconnect_attempts=-1,
                ping_interval=5,
                max_outstanding_pings=2,
            )
        )
        refused = asyncio.create_task(self._all_refused.wait())
        try:
            async with asyncio.timeout(_CONNECT_S):
                await asyncio.wait({connecting, refused}, return_when=asyncio.FIRST_COMPLETED)
            if not connecting.done():
                raise TimeoutError
            await connecting
        finally:
            for each in (connecting, refused):
                each.cancel()
            await asyncio.gather(connecting, refused, return_exceptions=True)

    def _explained(self, error: Exception | None) -> ImagemillError:
        if _is_about_login(error):
            return InvalidRequest("NATS does not let us in: its name, password or key is wrong.")
        return Unavailable(f"NATS cannot be reached: {str(error) or type(error).__name__}.")

    async def _noted(self, error: Exception) -> None:
        if not _is_about_login(self._refusal):  # A broken pipe follows it, which explains nothing.
            self._refusal = error
        self._refusals += 1
        if self._refusals >= 2 * len(self.login.servers):
            self._all_refused.set()
        _log.debug("nats_said", reason=str(error))

    async def _lost(self) -> None:
        _log.warning("nats_lost")

    async def _returned(self) -> None:
        _log.warning("nats_is_back")
        await self.came_back()


async def heeding(answer: Awaitable[T]) -> T:
    """Await something of the library, and end as cancelled where it lost that.

    It waits by `asyncio.wait_for`, which before Python 3.12 gives the result when that comes at the
    same moment as a cancellation: a receiver that was told to end would then go on for ever.
    """
    result = await answer
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError
    return result


def _is_about_login(error: Exception | None) -> bool:
    return "authorization" in str(error).lower()


def _check_version(client: Client) -> None:
    version = client.connected_server_version
    if (version.major, version.minor) < _OLDEST_VERSION:
        oldest = ".".join(map(str, _OLDEST_VERSION))
        found = f"{version.major}.{version.minor}.{version.patch}"
        raise InvalidRequest(f"The NATS server is {found}; it must be {oldest} or newer.")
