"""What the gateway asks of every service."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from imagemill.contracts.client import ServiceClient


@dataclass(frozen=True, slots=True)
class Peer:
    """Any service, for what all of them answer."""

    service: ServiceClient

    async def health(self) -> dict[str, Any]:
        """Ask how it is; raises `Unavailable` when it cannot work or does not answer."""
        return await self._json("/internal/health")

    async def openapi(self) -> dict[str, Any]:
        """Ask for the description of its public routes."""
        return await self._json("/internal/openapi.json")

    async def _json(self, path: str) -> dict[str, Any]:
        reply = await self.service.call("GET", path)
        found: dict[str, Any] = json.loads(reply.body)
        return found
