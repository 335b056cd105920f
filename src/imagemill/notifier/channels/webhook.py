"""The channel to programs: a signed POST of the event, by Standard Webhooks.

Known limits: at least once and in no order, so a receiver goes by `webhook-id`; redirects are not
followed. Tested against the reference verifiers of Standard Webhooks for Python and for Node.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from imagemill.database import Connection, Database
from imagemill.egress.bounds import Bounds
from imagemill.egress.client import Egress
from imagemill.egress.pauses import asked_pause_s
from imagemill.errors import ImagemillError, UrlNotAllowed
from imagemill.notifier.channels import KEPT_CHARACTERS, Outcome, again, delivered, never
from imagemill.notifier.delivery import Delivery
from imagemill.notifier.records import webhooks
from imagemill.notifier.webhook import OF_JOBS, Secret, headers_of
from imagemill.telemetry.tracing import HEADER as TRACEPARENT
from imagemill.telemetry.tracing import traceparent

_MOST_BYTES: Final = 64 << 10
"""How much of an answer is read."""
_ANY_LENGTH: Final = 1 << 62
"""An answer may announce any length; what is too much is not read."""
_ASKS_FOR_A_PAUSE: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """Sends deliveries to the URLs of webhooks and of jobs."""

    database: Database
    egress: Egress
    timeout_s: float
    clock: Callable[[], float]
    """Seconds since 1970."""
    new_secret: Callable[[], str]

    async def deliver(self, delivery: Delivery) -> Outcome:
        """Send it once; the URL and the secrets are those of this moment."""
        found = await self._way(delivery)
        if isinstance(found, Outcome):
            return found
        url, valid = found
        try:
            self.egress.check(url)
        except UrlNotAllowed as error:
            return never(error.message)
        headers = headers_of(delivery.id, delivery.body, valid, self.clock())
        if trace := traceparent():
            headers = {**headers, TRACEPARENT: trace}
        if delivery.request_id:
            headers = {**headers, "x-correlation-id": delivery.request_id}
        try:
            return await self._sent(url, headers, delivery.body.encode())
        except ImagemillError as error:
            return again(error.message)

    async def _sent(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        async with self.egress.stream(
            "POST", url, headers=headers, content=body, bounds=self._bounds
        ) as answer:
            text = await _beginning(answer.body)
            return judged(answer.status, answer.headers, text, self.clock())

    async def _way(self, delivery: Delivery) -> tuple[str, tuple[str, ...]] | Outcome:
        """Find where a delivery goes and what signs it, or why it goes nowhere."""

        def unit(connection: Connection) -> tuple[str, tuple[str, ...]] | Outcome | None:
            url = _url(connection, delivery)
            if isinstance(url, Outcome):
                return url
            secret = webhooks.secret(connection, delivery.owner, delivery.target)
            return (url, secret.valid(self.clock())) if secret else None

        return await self.database.read(unit) or await self._first(delivery)

    async def _first(self, delivery: Delivery) -> tuple[str, tuple[str, ...]]:
        """Make the secret of an account's jobs, which signs for the first time."""
        made = Secret(self.new_secret(), self.clock())

        def unit(connection: Connection) -> Secret:
            found = webhooks.secret(connection, delivery.owner, OF_JOBS)
            if found is None:
                webhooks.keep_secret(connection, delivery.owner, OF_JOBS, made)
            return found or made

        secret = await self.database.run(unit)
        return delivery.address, secret.valid(self.clock())

    @property
    def _bounds(self) -> Bounds:
        return Bounds(
            most_bytes=_ANY_LENGTH,
            lookup_s=self.timeout_s,
            connect_s=self.timeout_s,
            read_s=self.timeout_s,
            total_s=self.timeout_s,
        )


def judged(status: int, headers: Mapping[str, str], text: str, now: float) -> Outcome:
    """Tell what an answer means; a redirect is a failure, for it is not followed."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return delivered(status, text)
    if status == HTTPStatus.GONE:
        return never("The receiver answered 410 Gone.", status=status, answer=text)
    wait = headers.get("retry-after") if status in _ASKS_FOR_A_PAUSE else None
    after_s = asked_pause_s(wait, datetime.fromtimestamp(now, UTC))
    reason = f"The receiver answered with status {status}."
    return again(reason, after_s, status=status, answer=text)


def _url(connection: Connection, delivery: Delivery) -> str | Outcome:
    if delivery.target == OF_JOBS:
        return delivery.address
    webhook = webhooks.find(connection, delivery.owner, delivery.target)
    if webhook is None:
        return never("The webhook was removed.")
    return webhook.url if webhook.is_enabled else never("The webhook is disabled.")


async def _beginning(body: AsyncIterator[bytes]) -> str:
    """Read the beginning of an answer; one that breaks off has been given all the same."""
    read = bytearray()
    with suppress(ImagemillError):
        async for piece in body:
            read += piece
            if len(read) >= _MOST_BYTES:
                break
    # A database may not keep NUL in text.
    text = read[: 4 * KEPT_CHARACTERS].decode(errors="replace").replace("\0", "\ufffd")
    return text[:KEPT_CHARACTERS]
