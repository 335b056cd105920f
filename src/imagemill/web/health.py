"""How a service tells that it is well."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from fastapi import FastAPI

from imagemill.contracts.health import Peer
from imagemill.errors import ImagemillError
from imagemill.web import Process

Health = Callable[[], Awaitable[dict[str, Any]]]
"""Look at what a service needs and say how it is; raises `Unavailable` when it cannot work."""

_LONGEST_S: Final = 5.0
"""How long a service may take to say how it is."""


async def health_of(peer: Peer) -> dict[str, Any]:
    """Ask a service how it is: `ok`, `degraded`, or `unavailable` where it does not say so."""
    try:
        async with asyncio.timeout(_LONGEST_S):
            return {"status": "ok", **await peer.health()}
    except ImagemillError as error:
        return {"status": "unavailable", "reason": error.message}
    except TimeoutError:
        return {"status": "unavailable", "reason": f"It did not answer within {_LONGEST_S:g} s."}


def together(statuses: Iterable[str]) -> str:
    """Say how a whole is whose parts are so: one that is ill makes it degraded, and not dead."""
    return "ok" if all(each == "ok" for each in statuses) else "degraded"


def tell_health(app: FastAPI, health: Health) -> None:
    """Let an app answer the gateway's question how it is."""

    async def answer(_: Process) -> dict[str, Any]:
        return await health()

    app.get("/internal/health", include_in_schema=False)(answer)
