"""The one place where settings become adapters and adapters become services."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from imagemill import __version__, keys
from imagemill.backup.places import DATABASES, Adapters, Source, database_file, objects_folder
from imagemill.cache.memory import MemoryCache
from imagemill.contracts.client import ServiceClient
from imagemill.contracts.health import Peer
from imagemill.contracts.identity import Identity, Signer
from imagemill.contracts.jobs import TOPIC, JobsClient
from imagemill.contracts.transport import ASGIApp, InMemory, Remote, Transport
from imagemill.contracts.uploads import UploadsClient
from imagemill.contracts.users import UsersClient
from imagemill.database.migrations import migrations_of
from imagemill.database.sqlite import SQLiteCopy, SQLiteDatabase
from imagemill.engine.edition import edition
from imagemill.engine.layers import Layer
from imagemill.engine.sandbox import Sandbox
from imagemill.errors import NotFound, Unavailable
from imagemill.gateway.door import Door
from imagemill.gateway.service import Gateway, standalone
from imagemill.jobs.routes import app_of as jobs_app
from imagemill.jobs.service import Jobs
from imagemill.notifier.service import Notifier
from imagemill.processes import BY_NAME, Process, check
from imagemill.queue.sql import SQLQueue
from imagemill.settings import Settings
from imagemill.storage.local import LocalStorage
from imagemill.uploads.routes import app_of as uploads_app
from imagemill.uploads.service import Uploads
from imagemill.users.service import Users
from imagemill.web import service_app
from imagemill.web.health import Health, tell_health
from imagemill.web.requests import RequestIds
from imagemill.worker.service import Worker

_PROBES_AT_ONCE: Final = 2
"""Children of uploads: a probe reads a header, and two already outrun the disk."""


@dataclass(frozen=True, slots=True)
class Running:
    """Processes that run in this one."""

    app: ASGIApp
    """What listens: the gateway where it runs here, else every service, each by its name."""
    admin_key: str
    """The generated API key; empty where the users service runs elsewhere."""
    layers: Sequence[Layer]
    """The sandbox's layers; none where nothing here touches pixels."""
    leave: Callable[[], None]
    """Let go of callers that wait for something to happen; said before the end."""


@asynccontextmanager
async def running(settings: Settings, names: Sequence[str] = ()) -> AsyncIterator[Running]:
    """Start processes (all by default) and end them with the block.

    Raises `InvalidRequest` when a process lacks a service that it asks, `Unavailable` when a
    folder, a database or a required layer of the sandbox is missing.
    """
    async with AsyncExitStack() as opened:
        parts = _Parts(settings, opened)
        wanted = check(settings, names)
        _make_private(settings.data)
        for process in sorted(wanted, key=lambda each: _ORDER.index(each.name)):
            parts.apps[process.name] = await _STARTS[process.name](parts)
        app = parts.apps.get("gateway") or standalone(parts.apps)
        layers = parts.sandboxes[0].layers() if parts.sandboxes else ()
        group = await opened.enter_async_context(_ending(asyncio.TaskGroup()))
        for loop in parts.loops:
            group.create_task(loop())
        yield Running(
            app=RequestIds(app),
            admin_key=parts.admin_key,
            layers=layers,
            leave=parts.leave,
        )


async def migrate(settings: Settings) -> tuple[str, ...]:
    """Bring every database to the schema of this version; answer their names.

    Raises `Unavailable` when one cannot be opened or written.
    """
    packages = {each.owns: each.name for each in BY_NAME.values() if each.owns} | {"queue": "queue"}
    async with AsyncExitStack() as opened:
        parts = _Parts(settings, opened)
        for name, package in packages.items():
            await parts.database(name).migrate(migrations_of(f"imagemill.{package}"))
    return tuple(packages)


BACKUP: Final = Adapters(storage=LocalStorage, copy=SQLiteCopy)
"""What a backup is written and read with."""


@asynccontextmanager
async def backup_source(settings: Settings) -> AsyncIterator[Source]:
    """Open what a backup copies, beside the services that use it.

    Raises `NotFound` when the data folder holds no database.
    """
    found = [name for name in DATABASES if database_file(settings.data, name).is_file()]
    if not found:
        raise NotFound(f"There is no data in {settings.data}; --data names another folder.")
    async with AsyncExitStack() as opened:
        parts = _Parts(settings, opened)
        yield Source(
            data=settings.data,
            databases={name: parts.database(name) for name in found},
            objects=parts.storage,
            adapters=BACKUP,
        )


@asynccontextmanager
async def _ending(group: asyncio.TaskGroup) -> AsyncIterator[asyncio.TaskGroup]:
    """Run tasks beside a block and cancel them when the block ends."""
    async with group:
        try:
            yield group
        finally:
            for task in group._tasks:  # noqa: SLF001 - a group has no public way to cancel its tasks
                task.cancel()


@dataclass
class _Parts:
    """What the processes of one installation share, made when first asked for."""

    settings: Settings
    opened: AsyncExitStack
    apps: dict[str, ASGIApp] = field(default_factory=dict)
    loops: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)
    ends: list[Callable[[], None]] = field(default_factory=list)
    sandboxes: list[Sandbox] = field(default_factory=list)
    admin_key: str = ""
    _signer: Signer | None = None
    _queue: SQLQueue | None = None
    _storage: LocalStorage | None = None
    _remotes: dict[str, Remote] = field(default_factory=dict)

    def leave(self) -> None:
        for end in self.ends:
            end()

    @property
    def signer(self) -> Signer:
        if self._signer is None:
            path = self.settings.service_key_file or self.settings.data / "service-key"
            self._signer = Signer(keys.read_or_make(path).encode())
        return self._signer

    @property
    def storage(self) -> LocalStorage:
        if self._storage is None:
            self._storage = LocalStorage(objects_folder(self.settings.data))
            self.opened.push_async_callback(self._storage.close)
        return self._storage

    async def queue(self) -> SQLQueue:
        if self._queue is None:
            self._queue = SQLQueue(self.database("queue"))
            await self._queue.start()
            self.opened.push_async_callback(self._queue.close)
        return self._queue

    def database(self, name: str) -> SQLiteDatabase:
        database = SQLiteDatabase(database_file(self.settings.data, name))
        self.opened.push_async_callback(database.close)
        return database

    async def sandbox(self, children: int | None = None) -> Sandbox:
        settings = self.settings.sandbox
        if children is not None:
            settings = settings.model_copy(update={"children": children})
        sandbox = await self.opened.enter_async_context(Sandbox(settings))
        self.sandboxes.append(sandbox)
        return sandbox

    def transport(self, service: str) -> Transport:
        """Reach a service in memory where it runs here, over HTTP where it does not."""
        if service in self.apps:
            return InMemory(self.apps[service])
        if service not in self._remotes:
            remote = Remote(service, getattr(self.settings.peers, service))
            self.opened.push_async_callback(remote.close)
            self._remotes[service] = remote
        return self._remotes[service]

    def client(self, service: str, asking: str) -> ServiceClient:
        identity = Identity(account=asking, scopes=frozenset({"service"}))
        return ServiceClient(self.transport(service), self.signer, identity)


async def _start_users(parts: _Parts) -> ASGIApp:
    path = admin_key_file(parts.settings)
    parts.admin_key = keys.read_or_make(path, prefix=keys.ADMIN_KEY_PREFIX)
    users = Users(parts.database("users"), parts.signer)
    await users.start(parts.admin_key)
    app = users.app()
    tell_health(app, _well)
    return app


async def _start_uploads(parts: _Parts) -> ASGIApp:
    sandbox = await parts.sandbox(min(_PROBES_AT_ONCE, parts.settings.sandbox.children))
    uploads = Uploads(
        database=parts.database("images"),
        storage=parts.storage,
        sandbox=sandbox,
        signer=parts.signer,
        limits=parts.settings.limits,
    )
    await uploads.start()
    app = uploads_app(uploads)
    tell_health(app, _pixels_health(parts, sandbox))
    return app


async def _start_jobs(parts: _Parts) -> ASGIApp:
    jobs = Jobs(
        database=parts.database("jobs"),
        queue=await parts.queue(),
        storage=parts.storage,
        uploads=UploadsClient(parts.client("uploads", "jobs")),
        signer=parts.signer,
        settings=parts.settings.jobs,
        limits=parts.settings.limits,
        engine=edition(),
    )
    await jobs.start()
    parts.loops += [jobs.relay, jobs.sweep]
    parts.ends.append(jobs.stop_waiting)
    app = jobs_app(jobs)
    tell_health(app, _queue_health(parts))
    return app


async def _start_worker(parts: _Parts) -> ASGIApp:
    sandbox = await parts.sandbox()
    worker = Worker(
        name=f"{os.uname().nodename}-{os.getpid()}",
        jobs=JobsClient(parts.client("jobs", "worker")),
        queue=await parts.queue(),
        storage=parts.storage,
        sandbox=sandbox,
        hands=parts.settings.sandbox.children + parts.settings.worker.prefetch,
    )
    parts.loops.append(worker.run)
    app = service_app("Imagemill worker", parts.signer)
    tell_health(app, _pixels_health(parts, sandbox))
    return app


async def _start_notifier(parts: _Parts) -> ASGIApp:
    notifier = Notifier(
        jobs=JobsClient(parts.client("jobs", "notifier")),
        database=parts.database("notifications"),
        signer=parts.signer,
    )
    await notifier.start()
    parts.loops.append(notifier.run)
    app = notifier.app()
    tell_health(app, _well)
    return app


async def _start_gateway(parts: _Parts) -> ASGIApp:
    users = UsersClient(parts.client("users", "gateway"))
    cache = MemoryCache(time.monotonic)
    return Gateway(
        door=Door(users, cache, parts.settings.gateway.identity_cache_s),
        signer=parts.signer,
        peers={name: Peer(parts.client(name, "gateway")) for name in _known_peers(parts)},
        routes=_routes(parts, BY_NAME.values()),
        version=__version__,
    )


_STARTS: Final[Mapping[str, Callable[[_Parts], Awaitable[ASGIApp]]]] = {
    "users": _start_users,
    "uploads": _start_uploads,
    "jobs": _start_jobs,
    "worker": _start_worker,
    "notifier": _start_notifier,
    "gateway": _start_gateway,
}
_ORDER: Final = tuple(_STARTS)
"""A process starts after those that it asks."""


def admin_key_file(settings: Settings) -> Path:
    """Tell where the generated API key lies."""
    return settings.admin_key_file or settings.data / "admin-key"


def _known_peers(parts: _Parts) -> list[str]:
    """List the services that run here or have an address."""
    peers = parts.settings.peers.model_dump()
    return [name for name in _ORDER if name in parts.apps or peers.get(name)]


def _routes(parts: _Parts, processes: Iterable[Process]) -> dict[str, Transport]:
    return {prefix: parts.transport(each.name) for each in processes for prefix in each.answers}


def _make_private(folder: Path) -> None:
    """Make a folder that nobody else on the machine can look into; leave one that is there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"The folder {folder} cannot be made ({error.strerror}).") from error


async def _well() -> dict[str, Any]:
    return {}


def _pixels_health(parts: _Parts, sandbox: Sandbox) -> Health:
    async def health() -> dict[str, Any]:
        await parts.storage.check()
        layers = [each.model_dump(mode="json") for each in sandbox.layers()]
        occupancy = sandbox.occupancy()
        return {
            "engine": edition(),
            "sandbox": layers,
            "children": occupancy.children,
            "working": occupancy.working,
        }

    return health


def _queue_health(parts: _Parts) -> Health:
    async def health() -> dict[str, Any]:
        queue = await parts.queue()
        return {"waiting": await queue.depth(TOPIC)}

    return health
