"""An uploads service whose loop fetches from hosts on loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import ImageEvent
from imagemill.egress.settings import EgressSettings
from imagemill.engine.sandbox import Sandbox
from imagemill.uploads.settings import UploadsSettings
from tests.egress.hosts import Host
from tests.uploads.service import OWNER, Service, running

QUICK = UploadsSettings(fetch_pause_s=0, fetch_read_s=0.5, fetch_total_s=2, sweep_every_s=0.1)


class Fetcher(Service):
    """A service that fetches, and what tests ask of it."""

    async def fetch(self, url: str, owner: Identity = OWNER) -> str:
        """Ask for an image by URL; give its id."""
        reply = await self.send(json.dumps({"url": url}), owner)
        return str(json.loads(reply.body)["image_id"])

    async def told(self, image_id: str) -> ImageEvent:
        """Wait until the log tells of an image."""
        after = 0
        async with asyncio.timeout(20):
            while True:
                for event in await self.process.events(after, wait_s=5):
                    if event.image_id == image_id:
                        return event
                    after = event.id

    async def shown(self, image_id: str, owner: Identity = OWNER) -> dict[str, Any]:
        """Read what is shown of an image."""
        reply = await self.ask("GET", f"/api/v1/images/{image_id}", owner)
        shown: dict[str, Any] = json.loads(reply.body)
        return shown


@asynccontextmanager
async def fetching(
    folder: Path,
    sandbox: Sandbox,
    *hosts: Host,
    settings: UploadsSettings = QUICK,
    loops: int = 1,
) -> AsyncIterator[Fetcher]:
    """Run the service with so many fetch loops; the hosts on loopback are allowed."""
    ports = ",".join(str(each.port) for each in hosts)
    rules = EgressSettings(allow_networks="127.0.0.0/8", allow_ports=ports).rules
    async with running(folder, sandbox, settings, rules=rules) as service:
        tasks = [asyncio.create_task(service.uploads.fetch()) for _ in range(loops)]
        try:
            yield Fetcher(**vars(service))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks) if tasks else None
