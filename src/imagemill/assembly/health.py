"""What each process tells of itself."""

from __future__ import annotations

import asyncio
from typing import Any

from imagemill import __version__
from imagemill.assembly.parts import Parts
from imagemill.assembly.telling import Telling
from imagemill.contracts.health import Peer
from imagemill.contracts.jobs import TOPIC
from imagemill.engine.edition import edition
from imagemill.engine.sandbox import Sandbox
from imagemill.notifier.service import Notifier
from imagemill.web.health import Health, health_of, together


async def well() -> dict[str, Any]:
    """Tell nothing but that it answers."""
    return {}


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


def notifier_health(parts: Parts, notifier: Notifier, telling: Telling) -> Health:
    """Make what tells how much the notifier owes, and how it got on."""

    async def health() -> dict[str, Any]:
        return {**await notifier.health(), **telling.health(), "breakers": parts.breakers()}

    return health


def pixels_health(parts: Parts, sandbox: Sandbox) -> Health:
    """Make what tells how a sandbox is, and whether objects can be written."""

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


def queue_health(parts: Parts) -> Health:
    """Make what tells how much waits to be worked on."""

    async def health() -> dict[str, Any]:
        parts.storage.require()
        queue = await parts.queue()
        return {"waiting": await queue.depth(TOPIC), "breakers": parts.breakers()}

    return health
