"""How a service tells that it is well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI

from imagemill.web import Process

Health = Callable[[], Awaitable[dict[str, Any]]]
"""Look at what a service needs and say how it is; raises `Unavailable` when it cannot work."""


def tell_health(app: FastAPI, health: Health) -> None:
    """Let an app answer the gateway's question how it is."""

    async def answer(_: Process) -> dict[str, Any]:
        return await health()

    app.get("/internal/health", include_in_schema=False)(answer)
