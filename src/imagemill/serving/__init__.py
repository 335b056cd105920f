"""Listen on a socket until somebody says stop."""

from __future__ import annotations

import asyncio
import ctypes
import ipaddress
import math
import resource
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

import uvicorn

from imagemill import __version__, telemetry
from imagemill.assembly import Running, running
from imagemill.contracts.transport import ASGIApp
from imagemill.engine.layers import State
from imagemill.errors import Unavailable
from imagemill.gateway.settings import GatewaySettings
from imagemill.processes import check
from imagemill.serving.crowd import Crowd
from imagemill.serving.line import Line
from imagemill.serving.loop import Loop
from imagemill.serving.pace import Bounds, bounds_for, watching
from imagemill.settings import ADMIN_KEY, Settings
from imagemill.telemetry.settings import MetricsSettings

_GRACE_S: Final = 10
_BACKLOG: Final = 2048
_OTHER_FILES: Final = 512
"""Databases, children and libraries; a connection may need a second file, for what it brings."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
Announce = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Listeners:
    """Sockets of one process."""

    public: socket.socket
    """Where requests come in."""
    watched: socket.socket | None
    """Where who watches is answered; None where that is not wanted."""


def serve(
    settings: Settings, names: Sequence[str] = (), *, announce: Announce, show_key: bool = False
) -> int:
    """Run processes until SIGINT or SIGTERM; answer the exit code.

    `announce` gets each line that people should see at the start, the generated key among them
    if it was just made and `show_key` is set. Raises `InvalidRequest` for a configuration that
    cannot work and `Unavailable` when the port is taken.
    """
    check(settings, names)
    telemetry.configure(level=settings.log_level, form=settings.log_format)
    _keep_freed_memory()
    _allow_files(settings.gateway.max_connections)
    is_first = show_key and not settings.key_file(ADMIN_KEY).exists()
    with (
        _listening(settings.host, settings.port) as listener,
        _watched_at(settings.metrics) as watched,
        asyncio.Runner(loop_factory=partial(Loop, settings.gateway.head_s)) as runner,
    ):
        listeners = Listeners(listener, watched)
        runner.run(_serve(settings, names, listeners, announce, is_first=is_first))
    return 0


async def _serve(
    settings: Settings,
    names: Sequence[str],
    listeners: Listeners,
    announce: Announce,
    *,
    is_first: bool,
) -> None:
    listener = listeners.public
    # Links that are sent out name the port that was taken, also where any free one was asked for.
    settings = settings.model_copy(update={"port": listener.getsockname()[1]})
    async with running(settings, names) as system:
        lines = _greeting(settings, system, listener, is_first=is_first)
        server = _Server(_config(system, settings, names), lambda: announce("\n".join(lines)))
        told = _Told()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, told.again)
        async with asyncio.TaskGroup() as group:
            stopping = group.create_task(_stop(told, server, system))
            async with _watching(system, listeners.watched, group, watching(settings.gateway)):
                await server.serve([listener])
            stopping.cancel()


@asynccontextmanager
async def _watching(
    system: Running, listener: socket.socket | None, group: asyncio.TaskGroup, bounds: Bounds
) -> AsyncIterator[None]:
    """Answer who watches, for a block: until the last answer of the other address is out."""
    if listener is None:
        yield
        return
    server = _Server(_plain_config(system.watched, bounds), lambda: None)
    group.create_task(server.serve([listener]))
    try:
        yield
    finally:
        server.stop()
        server.stop()


def _plain_config(app: ASGIApp, bounds: Bounds) -> uvicorn.Config:
    """Serve a few askers; a connection on which nothing is asked does not keep others away."""
    return uvicorn.Config(
        app,
        http=cast("type[asyncio.Protocol]", partial(Line, bounds=bounds, crowd=Crowd(bounds, ()))),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


class _Told:
    """How often this process was told to stop."""

    def __init__(self) -> None:
        self.once = asyncio.Event()
        self.twice = asyncio.Event()

    def again(self) -> None:
        (self.twice if self.once.is_set() else self.once).set()


async def _stop(told: _Told, server: _Server, system: Running) -> None:
    """Wait to be told, leave in good order, then end; at once when told a second time.

    While work in hand ends, requests are still answered; only readiness says no.
    """
    await told.once.wait()
    async with asyncio.TaskGroup() as group:
        leaving = group.create_task(system.leave())
        impatient = group.create_task(told.twice.wait())
        await asyncio.wait({leaving, impatient}, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        impatient.cancel()
    if told.twice.is_set():
        server.stop()
    server.stop()


def _greeting(
    settings: Settings, system: Running, listener: socket.socket, *, is_first: bool
) -> list[str]:
    host, port = listener.getsockname()[:2]
    where = f"[{host}]" if ":" in host else host
    scheme = "https" if system.tls else "http"
    lines = [f"Imagemill {__version__} listens at {scheme}://{where}:{port} (routes: /docs)"]
    if system.layers:
        held = ", ".join(each.name for each in system.layers if each.state is State.ON)
        lines.append(f"Sandbox: {held}")
        lines += [
            f"Sandbox lacks {each.name}: {each.note}"
            for each in system.layers
            if each.state is State.OFF
        ]
    if is_first and system.admin_key:
        lines.append(f"API key, shown this once: {system.admin_key}")
        lines.append(
            "To log in with a password, set one: `imagemill accounts set-password YOUR-ADDRESS`"
        )
    elif system.admin_key:
        lines.append(f"API key: in {settings.key_file(ADMIN_KEY)} (`imagemill key` prints it)")
    return lines


def _config(system: Running, settings: Settings, names: Sequence[str]) -> uvicorn.Config:
    gateway = settings.gateway
    bounds = bounds_for(gateway, is_gateway=not names or "gateway" in names)
    crowd = Crowd(bounds, [ipaddress.ip_network(each) for each in gateway.trusted_proxies])
    return uvicorn.Config(
        system.app,
        # uvicorn calls what it is given to make a connection, and asks nothing else of it.
        http=cast("type[asyncio.Protocol]", partial(Line, bounds=bounds, crowd=crowd)),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_grace_s(gateway, names),
        ssl_context_factory=_giving(system.tls) if system.tls else None,
    )


def _grace_s(settings: GatewaySettings, names: Sequence[str]) -> int:
    """Tell how long answers may go on; a jobs service here lets go of those who wait."""
    is_apart = "gateway" in names and "jobs" not in names
    return math.ceil(settings.grace_s) if is_apart else _GRACE_S


def _giving(context: ssl.SSLContext) -> Callable[..., ssl.SSLContext]:
    return lambda *_: context


class _Server(uvicorn.Server):
    """A server that leaves signals to us and says when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._ready = ready

    def stop(self) -> None:
        """Accept nothing new and end when what is under way has ended; at once when asked twice."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _watched_at(settings: MetricsSettings) -> AbstractContextManager[socket.socket | None]:
    """Listen where who watches is answered, if that is set."""
    return _listening(settings.host, settings.port) if settings.port else nullcontext()


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            message = f"{host}:{port} cannot be listened at ({error.strerror}); choose another."
            raise Unavailable(message) from error
        listener.listen(_BACKLOG)
        yield listener


def _allow_files(connections: int) -> None:
    """Take as many open files as connections may need, and others, where that is allowed.

    Many systems give 1,024 and allow far more; without one left, nobody could connect any more.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * connections + _OTHER_FILES
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


def _keep_freed_memory() -> None:
    """Tell glibc to keep freed memory for the next upload instead of returning it each time.

    Measured 2026-11: a 2 MB upload costs 1.95 ms of CPU instead of 3.4, for about 2 MB of memory.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        # Each of two dozen threads would keep what it freed for itself.
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        mallopt(_M_TRIM_THRESHOLD, 64 << 20)
