"""What each process tells of itself."""

from __future__ import annotations

import asyncio
from typing import Any

from imagemill import __version__
from imagemill.assembly.parts import Parts
from imagemill.assembly.telling import Telling
from imagemill.contracts.health import Peer
from imagemill.contracts.jobs import TOPIC
from imagemill.database import Database
from imagemill.engine.edition import edition
from imagemill.engine.sandbox import Sandbox
from imagemill.notifier.service import Notifier
from imagemill.queue import Queue
from imagemill.web.health import Check, Health, checked, health_of, together


async def health_here(parts: Parts) -> dict[str, Any]:
    """Tell how each service of this process is, at the port for watching."""
    names = [name for name in parts.apps if name != "gateway"]
    told = await asyncio.gather(*(health_of(Peer(parts.client(each, "watch"))) for each in names))
    found = dict(zip(names, told, strict=True))
    return {
        "status": together(each["status"] for each in found.values()),
        "version": __version__,
        "processes": found,
        "breakers": parts.breakers(),
    }


def users_health(database: Database) -> Health:
    """Make what tells whether accounts can be looked up."""

    async def health() -> dict[str, Any]:
        return await checked({"database": _read(database)})

    return health


def notifier_health(parts: Parts, notifier: Notifier, telling: Telling) -> Health:
    """Make what tells how much the notifier owes, and how it got on."""

    async def health() -> dict[str, Any]:
        owed: dict[str, Any] = {}

        async def look() -> None:
            owed.update(await notifier.health())

        told = await checked({"database": look})
        return {**told, **owed, **telling.health(), "breakers": parts.breakers()}

    return health


def uploads_health(parts: Parts, sandbox: Sandbox, database: Database) -> Health:
    """Make what tells whether originals can be kept and looked at."""

    async def health() -> dict[str, Any]:
        needed = {"database": _read(database), "storage": parts.storage.check}
        return {**await checked(needed), **_pixels(sandbox), "breakers": parts.breakers()}

    return health


def worker_health(parts: Parts, sandbox: Sandbox, queue: Queue) -> Health:
    """Make what tells whether a worker could work; it waits for a broker that is away."""

    async def health() -> dict[str, Any]:
        told = await checked({"storage": parts.storage.check}, {"queue": _depth(queue)})
        return {**told, **_pixels(sandbox), "breakers": parts.breakers()}

    return health


def jobs_health(parts: Parts, database: Database, queue: Queue) -> Health:
    """Make what tells whether jobs are accepted; without a broker they are, and wait."""

    async def health() -> dict[str, Any]:
        waiting: list[int] = []

        async def depth() -> None:
            waiting.append(await queue.depth(TOPIC))

        async def storage() -> None:
            parts.storage.require()

        needed = {"database": _read(database), "storage": storage}
        told = await checked(needed, {"queue": depth})
        return {**told, "waiting": next(iter(waiting), None), "breakers": parts.breakers()}

    return health


def _pixels(sandbox: Sandbox) -> dict[str, Any]:
    occupancy = sandbox.occupancy()
    return {
        "engine": edition(),
        "sandbox": [each.model_dump(mode="json") for each in sandbox.layers()],
        "children": occupancy.children,
        "working": occupancy.working,
        "kills": dict(occupancy.kills),
    }


def _read(database: Database) -> Check:
    async def check() -> None:
        await database.read(lambda connection: connection.execute("SELECT 1"))

    return check


def _depth(queue: Queue) -> Check:
    async def check() -> None:
        await queue.depth(TOPIC)

    return check
