"""Streams of events on their way through the gateway, which end in good order when it stops.

The service that tells the events goes on and knows nothing of the stop. Who follows comes back,
through another gateway, and hears on after the last event.
"""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Final

from imagemill.contracts.transport import Receive, Scope, Send, Transport

_END: Final = {"type": "http.response.body", "body": b"", "more_body": False}
_LOOK_EVERY_S: Final = 0.1
"""How often, once this process ends, it is looked whether an answer has begun to be a stream."""


class Following:
    """The streams that go through this process."""

    def __init__(self) -> None:
        """Begin with none; there are never more than open connections."""
        self._over = asyncio.Event()

    def end(self) -> None:
        """End every stream, now and from now on."""
        self._over.set()

    async def forward(
        self, transport: Transport, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass a request on that may be answered by a stream, and the answer back."""
        answer = _Answer(send)
        passing = asyncio.create_task(transport.forward(scope, receive, answer.send))
        over = asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait({passing, over}, return_when=asyncio.FIRST_COMPLETED)
            while not passing.done() and not answer.is_stream:
                await asyncio.wait({passing}, timeout=_LOOK_EVERY_S)
            if passing.done():
                await passing
            else:
                await _cancelled(passing)
                await send(dict(_END))
        finally:
            await _cancelled(passing)
            await _cancelled(over)


class _Answer:
    """Notes whether an answer is a stream of events that has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.is_stream = False

    async def send(self, message: MutableMapping[str, Any]) -> None:
        await self._send(message)
        if message["type"] == "http.response.start":
            fields = dict(message["headers"])
            self.is_stream = fields.get(b"content-type", b"").startswith(b"text/event-stream")


async def _cancelled(task: asyncio.Task[Any]) -> None:
    """End a task and wait for that; what it raised was told, or is told by who awaited it."""
    if not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
