"""A notifier with its webhooks: HTTP in front, a real way out, and two accounts that ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx2

from imagemill.contracts.identity import HEADER, Identity, Signer
from imagemill.egress.client import Egress
from imagemill.egress.settings import Rules
from imagemill.notifier.channels.webhook import WebhookChannel
from imagemill.notifier.events import Event
from imagemill.notifier.service import Notifier
from imagemill.notifier.settings import NotifierSettings
from imagemill.notifier.webhook import CHANNEL, new_secret
from imagemill.notifier.webhooks.aftermath import aftermath
from imagemill.notifier.webhooks.routes import add_webhooks
from imagemill.notifier.webhooks.service import Webhooks
from imagemill.notifier.webhooks.wanted import WebhooksWanted
from tests.notifier.told import Clock, TestLog, sent
from tests.peers.engines import database_at

PATH: Final = "/api/v1/webhooks"
_SCOPES: Final = frozenset({"webhooks:read", "webhooks:write"})


class Hooked:
    """A notifier that tells programs."""

    def __init__(self, folder: Path, port: int, settings: NotifierSettings) -> None:
        self.clock = Clock()
        self.database = database_at(folder / "notifications.sqlite", clock=self.clock)
        self.log = TestLog()
        self._signer = Signer(b"s" * 32)
        bell = asyncio.Event()
        egress = Egress(Rules(hosts=frozenset({f"127.0.0.1:{port}"})))
        self.channel = WebhookChannel(
            self.database, egress, settings.webhook_timeout_s, self.clock, new_secret
        )
        self.webhooks = Webhooks(self.database, egress.check, bell, settings.webhooks_per_owner)
        self.notifier = Notifier(
            database=self.database,
            signer=self._signer,
            logs=[self.log],
            wanted=[WebhooksWanted(self.database)],
            channels={CHANNEL: self.channel},
            settings=settings,
            bell=bell,
            chance=lambda: 0.0,
            aftermath=partial(aftermath, disable_after_s=settings.disable_after_s),
        )
        app = self.notifier.app()
        add_webhooks(app, self.webhooks)
        transport = httpx2.ASGITransport(app)
        self._client = httpx2.AsyncClient(transport=transport, base_url="http://test")

    async def ask(
        self,
        method: str,
        path: str = "",
        json: object = None,
        *,
        owner: str = "A",
        headers: dict[str, str] | None = None,
        scopes: frozenset[str] = _SCOPES,
    ) -> httpx2.Response:
        """Send a request under `/api/v1/webhooks`, or to another path."""
        who = Identity(account=owner, scopes=scopes)
        return await self._client.request(
            method,
            path if path.startswith("/internal") else f"{PATH}{path}",
            json=json,
            headers={HEADER: self._signer.sign(who), **(headers or {})},
        )

    async def make(self, url: str, *, owner: str = "A", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a request
        """Make a webhook; give the answer, with its secret."""
        answer = await self.ask("POST", json={"url": url, **more}, owner=owner)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def hear(self, *events: Event) -> None:
        """Put events into the log and let them be heard."""
        self.log.events += events
        await self.notifier.fanout(self.log).hear()

    async def send(self) -> int:
        """Deliver all that is due; tell how many tries that were."""
        return await sent(self.notifier.sender())

    async def deliveries(self, webhook_id: str, query: str = "") -> list[dict[str, Any]]:
        """List the deliveries of a webhook."""
        answer = await self.ask("GET", f"/{webhook_id}/deliveries{query}")
        found: list[dict[str, Any]] = answer.json()["deliveries"]
        return found

    async def close(self) -> None:
        """End."""
        await self._client.aclose()
        await self.database.close()


@asynccontextmanager
async def hooked(
    folder: Path, port: int, settings: NotifierSettings | None = None
) -> AsyncIterator[Hooked]:
    """Open a notifier that may send to a port of loopback."""
    opened = Hooked(folder, port, settings or NotifierSettings())
    await opened.notifier.start()
    try:
        yield opened
    finally:
        await opened.close()
