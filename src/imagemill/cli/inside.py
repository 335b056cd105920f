"""A whole system within this process, for commands that work without a server."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from imagemill.client import Client


@asynccontextmanager
async def inside(data: Path | None) -> AsyncIterator[Client]:
    """Run every service in memory and give a client of it: same jobs, queue and sandbox, no port.

    Without `data` everything lies in a temporary folder and is gone afterwards.
    """
    import httpx2

    from imagemill.assembly import running
    from imagemill.settings import Settings
    from imagemill.telemetry import configure

    configure(level="ERROR")
    with ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="imagemill-")))
        async with running(Settings.load(data=folder)) as system:
            transport = httpx2.ASGITransport(app=system.app, raise_app_exceptions=False)
            async with Client(
                "http://imagemill.invalid", system.admin_key, transport=transport
            ) as client:
                yield client
