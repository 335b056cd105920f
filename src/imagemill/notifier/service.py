"""The notifier's loop. Channels (webhook, mail, SMS, push) attach here; none is built yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog
from fastapi import FastAPI

from imagemill.contracts.identity import Signer
from imagemill.queue import Queue
from imagemill.web import service_app

_TOPIC: Final = "events"
_PREFETCH: Final = 100
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Notifier:
    """Takes events off their topic and notes them in the log."""

    queue: Queue
    signer: Signer

    def app(self) -> FastAPI:
        """Make the HTTP side; it has no route of its own yet."""
        return service_app("Imagemill notifier", self.signer)

    async def run(self) -> None:
        """Take events until cancelled."""
        async for delivery in self.queue.receive(_TOPIC, prefetch=_PREFETCH):
            _log.debug("event", body=delivery.body.decode("utf-8", "replace"))
            await delivery.done()
