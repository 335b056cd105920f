"""The event loop of a process that listens: who begins TLS has to get on with it."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import uvloop


class Loop(uvloop.Loop):
    """A loop whose listeners give a TLS handshake as long as the head of a request may take.

    The server library does not pass that on, and 60 seconds of silence would be allowed. A
    connection counts among those that are bounded only once its handshake is over.
    """

    def __init__(self, handshake_s: float) -> None:
        """Bound handshakes; 0 leaves them as they are."""
        super().__init__()
        self._handshake_s = handshake_s

    async def create_server(self, *args: Any, **given: Any) -> asyncio.Server:  # noqa: ANN401 - as asyncio has them
        """Listen as asyncio does."""
        if given.get("ssl") and self._handshake_s:
            given.setdefault("ssl_handshake_timeout", self._handshake_s)
        server = await super().create_server(*args, **given)
        return cast("asyncio.Server", server)
