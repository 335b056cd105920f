"""How a service tells that it is well."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI

from imagemill.contracts.health import Peer
from imagemill.errors import ImagemillError
from imagemill.web import Process

Health = Callable[[], Awaitable[dict[str, Any]]]
"""Look at what a service needs and say how it is."""

_LONGEST_S: Final = 5.0
"""How long a service may take to say how it is."""
_CHECK_S: Final = 2.0
"""How long one thing that it needs may take to answer."""
Check = Callable[[], Awaitable[object]]
"""Ask one thing that a service needs; raises an error of ours when it does not answer."""


async def checked(
    needed: Mapping[str, Check], outlasted: Mapping[str, Check] = MappingProxyType({})
) -> dict[str, Any]:
    """Ask everything at once, 2 s at most, and say what that means.

    Without something that is `needed` a service is `unavailable`; without something that it can
    outlast, `degraded`.
    """
    asked = {**needed, **outlasted}
    found = dict(
        zip(asked, await asyncio.gather(*(_checked(each) for each in asked.values())), strict=True)
    )
    failing = [name for name, each in found.items() if each["status"] != "ok"]
    is_able = not needed.keys() & failing
    status = "unavailable" if not is_able else "degraded" if failing else "ok"
    return {"status": status, "checks": found}


async def _checked(check: Check) -> dict[str, Any]:
    began, reason = time.perf_counter(), ""
    try:
        async with asyncio.timeout(_CHECK_S):
            await check()
    except ImagemillError as error:
        reason = error.message
    except TimeoutError:
        reason = f"It did not answer within {_CHECK_S:g} s."
    told: dict[str, Any] = {
        "status": "failing" if reason else "ok",
        "ms": round((time.perf_counter() - began) * 1000, 1),
    }
    return told | ({"reason": reason} if reason else {})


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
