"""The OpenAPI document of all services, as a running system tells it."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import structlog

from imagemill.assembly import running
from imagemill.settings import Settings


@cache
def document() -> dict[str, Any]:
    """Start all services in a folder that goes away, ask for the document, and stop them."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        return asyncio.run(_asked())
    finally:
        structlog.reset_defaults()


async def _asked() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        async with running(Settings(data=Path(folder) / "data")) as system:
            transport = httpx2.ASGITransport(system.app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://docs") as client:
                told: dict[str, Any] = (await client.get("/openapi.json")).json()
                return told
