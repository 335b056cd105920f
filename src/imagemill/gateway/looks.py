"""How the services are, asked once for all who want to know it in the same second."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from imagemill.contracts.health import Peer
from imagemill.web.health import health_of

_KEEP_S: Final = 1.0
"""How long an answer is given again: strangers may ask, and each look costs the services work."""


class Looks:
    """The last answer of each service, and one question at a time."""

    def __init__(self, keep_s: float = _KEEP_S) -> None:
        """Ask a service again `keep_s` after it answered."""
        self._keep_s = keep_s
        self._asking: dict[str, asyncio.Lock] = {}
        self._told: dict[str, tuple[float, dict[str, Any]]] = {}

    async def at(self, peers: Mapping[str, Peer]) -> dict[str, dict[str, Any]]:
        """Tell how each of these is, in 5 s at most for each."""
        told = await asyncio.gather(*(self._of(name, each) for name, each in peers.items()))
        return dict(zip(peers, told, strict=True))

    async def _of(self, name: str, peer: Peer) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        async with self._asking.setdefault(name, asyncio.Lock()):
            until, told = self._told.get(name, (0.0, {}))
            if loop.time() >= until:
                told = await health_of(peer)
                self._told[name] = loop.time() + self._keep_s, told
            return told
