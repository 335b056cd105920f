"""The one place where settings become adapters and adapters become services."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import random
import uuid
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from imagemill import __version__, keys
from imagemill.assembly.counting import shared
from imagemill.assembly.parts import Parts
from imagemill.backup.places import DATABASES, Adapters, Source, database_file
from imagemill.contracts.health import Peer
from imagemill.contracts.jobs import TOPIC, JobsClient
from imagemill.contracts.transport import ASGIApp, Transport
from imagemill.contracts.uploads import UploadsClient
from imagemill.contracts.users import UsersClient
from imagemill.database.migrations import migrations_of
from imagemill.database.sqlite import SQLiteCopy
from imagemill.engine.edition import edition
from imagemill.engine.layers import Layer
from imagemill.engine.sandbox import Sandbox
from imagemill.errors import NotFound, Unavailable
from imagemill.faults import Faults
from imagemill.gateway.door import Door
from imagemill.gateway.limiting import limiter
from imagemill.gateway.origins import Origins
from imagemill.gateway.service import Gateway, standalone
from imagemill.gateway.turnstile import Turnstile
from imagemill.jobs.bells import Bells
from imagemill.jobs.ledger import Bounds, Ledger
from imagemill.jobs.lending import Lending
from imagemill.jobs.relay import Relay
from imagemill.jobs.routes import app_of as jobs_app
from imagemill.jobs.service import Jobs
from imagemill.jobs.settings import JobsSettings
from imagemill.jobs.states import Patience
from imagemill.jobs.sweep import Sweeper
from imagemill.notifier.service import Notifier
from imagemill.processes import BY_NAME, Process, check
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
    leave: Callable[[], Coroutine[Any, Any, None]]
    """Say no to whoever asks whether this is ready, end or give back the work in hand, and let go
    of callers that wait for something to happen; said before the end."""


@asynccontextmanager
async def running(settings: Settings, names: Sequence[str] = ()) -> AsyncIterator[Running]:
    """Start processes (all by default) and end them with the block.

    Raises `InvalidRequest` when a process lacks a service that it asks or a fault is wrong or not
    allowed, `Unavailable` when a folder, a database or a required layer of the sandbox is missing.
    """
    async with AsyncExitStack() as opened:
        faults = Faults.read(settings.fault, are_allowed=settings.test_faults)
        parts = Parts(settings, opened, faults)
        wanted = check(settings, names)
        _make_private(settings.data)
        for process in sorted(wanted, key=lambda each: _ORDER.index(each.name)):
            parts.apps[process.name] = await _STARTS[process.name](parts)
        for service in parts.asked_later:
            parts.transport(service)  # Opened before the loops that use it, so closed after them.
        app = parts.apps.get("gateway") or standalone(parts.apps, lambda: parts.is_leaving)
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
        parts = Parts(settings, opened)
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
        parts = Parts(settings, opened)
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


async def _start_users(parts: Parts) -> ASGIApp:
    path = admin_key_file(parts.settings)
    parts.admin_key = keys.read_or_make(path, prefix=keys.ADMIN_KEY_PREFIX)
    users = Users(parts.database("users"), parts.signer)
    await users.start(parts.admin_key)
    app = users.app()
    tell_health(app, _well)
    return app


async def _start_uploads(parts: Parts) -> ASGIApp:
    sandbox = await parts.sandbox(min(_PROBES_AT_ONCE, parts.settings.sandbox.children))
    uploads = Uploads(
        database=parts.database("images"),
        storage=parts.storage,
        sandbox=sandbox,
        jobs=JobsClient(parts.later("jobs", "uploads")),
        signer=parts.signer,
        settings=parts.settings.uploads,
        removing=parts.removing,
        limits=parts.settings.limits,
    )
    await uploads.start()
    parts.loops.append(uploads.sweep)
    app = uploads_app(uploads)
    tell_health(app, _pixels_health(parts, sandbox))
    return app


async def _start_jobs(parts: Parts) -> ASGIApp:
    settings, database, bells = parts.settings.jobs, parts.database("jobs"), Bells()
    queue, storage = await parts.queue(), parts.storage
    ledger = _ledger(settings)
    jobs = Jobs(
        database=database,
        storage=storage,
        uploads=UploadsClient(parts.client("uploads", "jobs")),
        signer=parts.signer,
        ledger=ledger,
        bells=bells,
        settings=settings,
        engine=edition(),
    )
    await jobs.start()
    relay = Relay(database, queue, bells, parts.faults)
    sweeper = Sweeper(database, queue, storage, ledger, bells, settings, removing=parts.removing)
    parts.loops += [relay.run, sweeper.run]
    parts.ends.append(jobs.stop_waiting)
    lending = Lending(database, ledger, bells, settings, parts.settings.limits)
    app = jobs_app(jobs, lending, parts.faults)
    tell_health(app, _queue_health(parts))
    return app


def _ledger(settings: JobsSettings) -> Ledger:
    return Ledger(
        patience=Patience().with_retries(settings.max_retries),
        bounds=Bounds(settings.max_unfinished_per_owner, settings.max_unfinished),
        new_id=lambda: str(uuid.uuid4()),
        jitter=lambda pause_s: pause_s * random.uniform(0.5, 1.5),  # noqa: S311 - no secret
    )


async def _start_worker(parts: Parts) -> ASGIApp:
    sandbox = await parts.sandbox()
    jobs = JobsClient(parts.client("jobs", "worker"))
    parts.opened.push_async_callback(jobs.close)
    worker = Worker(
        name=f"{os.uname().nodename}-{os.getpid()}",
        jobs=jobs,
        queue=await parts.queue(),
        storage=parts.storage,
        sandbox=sandbox,
        hands=parts.settings.sandbox.children + parts.settings.worker.prefetch,
        faults=parts.faults,
        grace_s=parts.settings.worker.grace_s,
    )
    parts.loops.append(worker.run)
    parts.drains.append(worker.drain)
    app = service_app("Imagemill worker", parts.signer)
    tell_health(app, _pixels_health(parts, sandbox))
    return app


async def _start_notifier(parts: Parts) -> ASGIApp:
    notifier = Notifier(
        jobs=JobsClient(parts.client("jobs", "notifier")),
        database=parts.database("notifications"),
        signer=parts.signer,
        faults=parts.faults,
    )
    await notifier.start()
    parts.loops.append(notifier.run)
    app = notifier.app()
    tell_health(app, _breakers_health(parts))
    return app


async def _start_gateway(parts: Parts) -> ASGIApp:
    users = UsersClient(parts.client("users", "gateway"))
    settings = parts.settings.gateway
    rates, cache = shared(parts, settings)
    return Gateway(
        door=Door(users, cache, settings.identity_cache_s),
        limiter=limiter(rates, settings),
        origins=Origins(settings.cors_origins),
        trusted=[ipaddress.ip_network(each) for each in settings.trusted_proxies],
        signer=parts.signer,
        peers={name: Peer(parts.client(name, "gateway")) for name in _known_peers(parts)},
        routes=_routes(parts, BY_NAME.values()),
        open_paths=frozenset(path for each in BY_NAME.values() for path in each.opens),
        version=__version__,
        breakers=parts.breakers,
        is_leaving=lambda: parts.is_leaving,
        turnstile=Turnstile(settings.large_bodies_at_once),
    )


_STARTS: Final[Mapping[str, Callable[[Parts], Awaitable[ASGIApp]]]] = {
    "users": _start_users,
    "uploads": _start_uploads,
    "jobs": _start_jobs,
    "worker": _start_worker,
    "notifier": _start_notifier,
    "gateway": _start_gateway,
}
_ORDER: Final = tuple(_STARTS)
"""A process starts after those that it asks; only uploads asks one that starts after it."""


def admin_key_file(settings: Settings) -> Path:
    """Tell where the generated API key lies."""
    return settings.admin_key_file or settings.data / "admin-key"


def _known_peers(parts: Parts) -> list[str]:
    """List the services that run here or have an address."""
    peers = parts.settings.peers.model_dump()
    return [name for name in _ORDER if name in parts.apps or peers.get(name)]


def _routes(parts: Parts, processes: Iterable[Process]) -> dict[str, Transport]:
    return {prefix: parts.transport(each.name) for each in processes for prefix in each.answers}


def _make_private(folder: Path) -> None:
    """Make a folder that nobody else on the machine can look into; leave one that is there."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"The folder {folder} cannot be made ({error.strerror}).") from error


async def _well() -> dict[str, Any]:
    return {}


def _breakers_health(parts: Parts) -> Health:
    async def health() -> dict[str, Any]:
        return {"breakers": parts.breakers()}

    return health


def _pixels_health(parts: Parts, sandbox: Sandbox) -> Health:
    async def health() -> dict[str, Any]:
        await parts.storage.check()
        layers = [each.model_dump(mode="json") for each in sandbox.layers()]
        occupancy = sandbox.occupancy()
        return {
            "engine": edition(),
            "sandbox": layers,
            "children": occupancy.children,
            "working": occupancy.working,
            "breakers": parts.breakers(),
        }

    return health


def _queue_health(parts: Parts) -> Health:
    async def health() -> dict[str, Any]:
        parts.storage.require()
        queue = await parts.queue()
        return {"waiting": await queue.depth(TOPIC), "breakers": parts.breakers()}

    return health
