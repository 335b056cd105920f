"""Presets at the server: pipelines with a name, in numbered versions."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from imagemill.client.answers import Preset, Presets
from imagemill.client.connection import Connection, Request

_PATH = "/api/v1/presets"
_LONGEST_PAGE = 100


async def save(
    connection: Connection, name: str, steps: Sequence[Mapping[str, Any]], description: str | None
) -> Preset:
    """Make a preset or its next version."""
    order: dict[str, object] = {"name": name, "steps": steps}
    if description is not None:
        order["description"] = description
    return await connection.ask(Preset, Request("POST", _PATH, json=order))


async def one(connection: Connection, name: str, version: int | None) -> Preset:
    """Look at a version of a preset, the newest by default."""
    query = {"version": str(version)} if version is not None else None
    return await connection.ask(Preset, Request("GET", _path(name), query=query))


async def listed(
    connection: Connection, name: str | None, limit: int | None
) -> AsyncGenerator[Preset, None]:
    """Give presets by name, or the versions of one from the newest on; at most `limit`."""
    left = math.inf if limit is None else limit
    path = _PATH if name is None else f"{_path(name)}/versions"
    query: dict[str, str] = {}
    while left > 0:
        query["limit"] = str(min(left, _LONGEST_PAGE))
        page = await connection.ask(Presets, Request("GET", path, query=query))
        for preset in page.presets:
            yield preset
        if page.next is None:
            return
        left -= len(page.presets)
        query["cursor"] = page.next


async def remove(connection: Connection, name: str) -> None:
    """Remove a preset with all its versions."""
    await connection.send(Request("DELETE", _path(name)))


def _path(name: str) -> str:
    # What is no name must not become a query or a way up.
    return f"{_PATH}/{quote(name, safe='')}"
