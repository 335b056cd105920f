"""The one place where settings become adapters and adapters become services."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from imagemill import tls
from imagemill.assembly import key_files
from imagemill.assembly.databases import is_on_postgres, open_file
from imagemill.assembly.parts import Parts, make_private
from imagemill.assembly.schemas import migrate, prepare_postgres, states
from imagemill.assembly.services import ORDER, STARTS
from imagemill.assembly.watching import open_tracing, watch_process, watched
from imagemill.backup.lock import serving
from imagemill.backup.places import DATABASES, Adapters, Source, database_file
from imagemill.contracts.transport import ASGIApp
from imagemill.database.sqlite import SQLiteCopy
from imagemill.engine.layers import Layer
from imagemill.errors import InvalidRequest, NotFound
from imagemill.faults import Faults
from imagemill.gateway.service import standalone
from imagemill.processes import check
from imagemill.settings import Settings
from imagemill.storage.local import LocalStorage
from imagemill.telemetry.meter import Meter
from imagemill.web.requests import RequestIds

__all__ = [
    "BACKUP",
    "Running",
    "backup_source",
    "migrate",
    "prepare_postgres",
    "running",
    "states",
]


@dataclass(frozen=True, slots=True)
class Running:
    """Processes that run in this one."""

    app: ASGIApp
    """What listens: the gateway where it runs here, else every service, each by its name."""
    admin_key: str
    """The generated API key; empty where the users service runs elsewhere."""
    layers: Sequence[Layer]
    """The sandbox's layers; none where nothing here touches pixels."""
    watched: ASGIApp
    """What listens at the port for watching, where one is set."""
    leave: Callable[[], Coroutine[Any, Any, None]]
    """Say no to whoever asks whether this is ready, end or give back the work in hand, and let go
    of callers that wait for something to happen; said before the end."""
    tls: ssl.SSLContext | None = None
    """What is spoken to who connects; None is plain HTTP."""


@asynccontextmanager
async def running(settings: Settings, names: Sequence[str] = ()) -> AsyncIterator[Running]:
    """Start processes (all by default) and end them with the block.

    Raises `InvalidRequest` when a process lacks a service that it asks, a fault is wrong or not
    allowed, or an object store refuses what it is asked; `Conflict` while the data folder is being
    transferred; `Unavailable` when a folder, a database or a required layer of the sandbox is
    missing.
    """
    async with AsyncExitStack() as opened:
        faults = Faults.read(settings.fault, are_allowed=settings.test_faults)
        parts = Parts(settings, opened, faults)
        wanted = check(settings, names)
        parts.wanted = tuple(each.name for each in wanted)
        key_files.check(settings, parts.wanted)
        parts.tls = tls.opened(settings.tls, is_gateway="gateway" in parts.wanted)
        parts.loops.append(parts.tls.follow)
        if parts.is_data_needed(parts.wanted):
            make_private(settings.data)
            opened.enter_context(serving(settings.data))
        parts.meter = Meter(parts.wanted)
        parts.tracing = open_tracing(parts)
        watch_process(parts)
        for process in sorted(wanted, key=lambda each: ORDER.index(each.name)):
            parts.apps[process.name] = await STARTS[process.name](parts)
        for start in parts.starts:
            await start()
        for service in parts.asked_later:
            parts.transport(service)  # Opened before the loops that use it, so closed after them.
        app = parts.apps.get("gateway") or standalone(parts.apps, lambda: parts.is_leaving)
        layers = parts.sandboxes[0].layers() if parts.sandboxes else ()
        group = await opened.enter_async_context(_ending(asyncio.TaskGroup()))
        for loop in parts.loops:
            group.create_task(loop())
        yield Running(
            app=RequestIds(app, parts.meter, parts.tracing, is_inside="gateway" not in parts.apps),
            admin_key=parts.admin_key,
            layers=layers,
            watched=watched(parts),
            leave=parts.leave,
            tls=parts.tls.listening.context if parts.tls.listening else None,
        )


BACKUP: Final = Adapters(storage=LocalStorage, copy=SQLiteCopy)
"""What a backup is written and read with."""


@asynccontextmanager
async def backup_source(settings: Settings) -> AsyncIterator[Source]:
    """Open what a backup copies, beside the services that use it.

    Raises `NotFound` when the data folder holds no database, `InvalidRequest` where the databases
    are in PostgreSQL.
    """
    if is_on_postgres(settings.database):
        raise InvalidRequest(
            "The databases are in PostgreSQL, which `imagemill backup` does not copy: use pg_dump "
            "(see docs/how-to/use-postgresql.md), and copy the objects after it."
        )
    found = [name for name in DATABASES if database_file(settings.data, name).is_file()]
    if not found:
        raise NotFound(f"There is no data in {settings.data}; --data names another folder.")
    async with AsyncExitStack() as opened:
        parts = Parts(settings, opened)
        yield Source(
            data=settings.data,
            databases={name: open_file(parts, name) for name in found},
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
