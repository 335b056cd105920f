"""Try what is owed: many at a time, few at one host, until it ends."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog
from opentelemetry.trace import SpanKind

from imagemill.database import Connection, Database
from imagemill.errors import ImagemillError
from imagemill.faults import Faults, Point
from imagemill.notifier.channels import Channel, Kind, Outcome, again, never
from imagemill.notifier.delivery import Delivery, DeliveryStatus, host_of, owner_of
from imagemill.notifier.records import deliveries
from imagemill.notifier.records.deliveries import Waiting
from imagemill.notifier.retries import pause_s
from imagemill.notifier.settings import NotifierSettings
from imagemill.telemetry import about
from imagemill.telemetry.instruments import Instruments
from imagemill.telemetry.metrics import NOTIFICATIONS

_LOOK_EVERY_S: Final = 1.0
"""How often to look for what another process owes."""
_log = structlog.get_logger(__name__)

Aftermath = Callable[[Connection, Delivery, Outcome], None]
"""Write what the end of a try means for its target, in the transaction that records it."""


class Sender:
    """Tries what is due, under a lease, so that several notifiers may run beside each other."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        settings: NotifierSettings,
        bell: asyncio.Event,
        *,
        chance: Callable[[], float],
        aftermath: Aftermath | None = None,
        faults: Faults | None = None,
        instruments: Instruments | None = None,
    ) -> None:
        """Deliver by `channels`, by name; `chance` gives numbers from -1 to 1.

        Whoever owes something rings `bell`.
        """
        self._database = database
        self._channels = channels
        self._settings = settings
        self._bell = bell
        self._chance = chance
        self._aftermath = aftermath
        self._faults = faults or Faults.none()
        self._instruments = instruments or Instruments()
        self._busy: Counter[str] = Counter()
        """How many deliveries of each lane are under way here."""

    async def run(self) -> None:
        """Deliver until cancelled; what is under way then is tried again after its lease."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._bell.clear()
                try:
                    while lent := await self._take():
                        for delivery in lent:
                            group.create_task(self._deliver(delivery))
                except ImagemillError as error:
                    _log.warning("owed_not_read", reason=error.message)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY_S):
                        await self._bell.wait()

    async def _take(self) -> list[Delivery]:
        def look(connection: Connection) -> Mapping[str, int]:
            return room(deliveries.lanes(connection), self._busy, self._settings)

        free = await self._database.read(look)
        if not free:
            return []
        lease_id, lease_s = uuid.uuid4().hex, self._settings.delivery_lease_s
        lent = await self._database.run(
            lambda each: deliveries.lend(each, free, lease_id, lease_s), durable=False
        )
        self._busy.update(each.lane for each in lent)
        return lent

    async def _deliver(self, delivery: Delivery) -> None:
        began_at, began = time.time(), time.monotonic()
        try:
            outcome = await self._told(delivery)
            attempt = _attempt(outcome, began_at, time.monotonic() - began)
            await self._finish(delivery, outcome, attempt)
        except ImagemillError as error:
            _log.warning("delivery_not_recorded", delivery_id=delivery.id, reason=error.message)
        finally:
            self._busy -= Counter([delivery.lane])
            self._bell.set()

    async def _told(self, delivery: Delivery) -> Outcome:
        """Try once; the trace goes on to whoever is told."""
        event = {
            "imagemill.channel": delivery.channel,
            "imagemill.event.type": delivery.event_type,
            "imagemill.delivery.id": delivery.id,
        }
        with (
            about(request_id=delivery.request_id, job_id=delivery.job_id, delivery_id=delivery.id),
            self._instruments.tracing.span(
                "notification.deliver",
                parent=delivery.traceparent,
                kind=SpanKind.CLIENT,
                attributes=event,
            ) as span,
        ):
            outcome = await self._outcome(delivery)
            span.set_attribute("imagemill.delivery.outcome", outcome.kind)
            _log.info(
                "delivery_tried",
                channel=delivery.channel,
                type=delivery.event_type,
                outcome=outcome.kind,
                status=outcome.status,
                reason=outcome.reason,
            )
        channel = delivery.channel if delivery.channel in self._channels else "unknown"
        self._instruments.meter.count(NOTIFICATIONS, channel, outcome.kind)
        return outcome

    async def _outcome(self, delivery: Delivery) -> Outcome:
        channel = self._channels.get(delivery.channel)
        if channel is None:
            return never(f"There is no channel {delivery.channel} here any more.")
        self._faults.reach(Point.BEFORE_DELIVER)
        try:
            outcome = await channel.deliver(delivery)
        except Exception:  # noqa: BLE001 - the edge of one delivery: logged, and tried again
            _log.exception("channel_broke", channel=delivery.channel, delivery_id=delivery.id)
            outcome = again("It could not be sent because of a mistake on our side.")
        self._faults.reach(Point.AFTER_DELIVER)
        return outcome

    async def _finish(
        self, delivery: Delivery, outcome: Outcome, attempt: Mapping[str, Any]
    ) -> None:
        pause = self._pause(delivery, outcome)
        status = _STATUS[outcome.kind] if pause is None else DeliveryStatus.OWED

        def unit(connection: Connection) -> bool:
            due_at = connection.now() + (pause or 0.0)
            recorded = deliveries.finish(connection, delivery, attempt, status, due_at)
            if recorded and self._aftermath is not None:
                self._aftermath(connection, delivery, outcome)
            return recorded

        if not await self._database.run(unit):
            _log.info("delivery_ended_late", delivery_id=delivery.id)

    def _pause(self, delivery: Delivery, outcome: Outcome) -> float | None:
        if outcome.kind is not Kind.AGAIN:
            return None
        pace = self._settings.pace
        return pause_s(delivery.tries + 1, outcome.after_s, self._chance, pace=pace)


_STATUS: Final = {
    Kind.DELIVERED: DeliveryStatus.DELIVERED,
    Kind.AGAIN: DeliveryStatus.FAILED,
    Kind.NEVER: DeliveryStatus.FAILED,
}


def room(
    due: Sequence[Waiting], busy: Mapping[str, int], settings: NotifierSettings
) -> dict[str, int]:
    """Tell how many deliveries of which lanes may be begun, with these under way by lane.

    A host that is slow fills its own share, and so does an owner; the rest goes to others.
    """
    hosts, owners = Counter[str](), Counter[str]()
    for lane, count in busy.items():
        hosts[host_of(lane)] += count
        owners[owner_of(lane)] += count
    left = settings.deliveries_at_once - sum(busy.values())
    free: dict[str, int] = {}
    for each in due:
        host, owner = host_of(each.lane), owner_of(each.lane)
        most = min(
            left,
            settings.deliveries_per_host - hosts[host],
            settings.deliveries_per_owner - owners[owner],
        )
        if most > 0:
            free[each.lane] = most
            left, hosts[host], owners[owner] = left - most, hosts[host] + most, owners[owner] + most
    return free


def _attempt(outcome: Outcome, at: float, seconds: float) -> dict[str, Any]:
    return {
        "at": at,
        "outcome": outcome.kind,
        "reason": outcome.reason,
        "status": outcome.status,
        "milliseconds": round(seconds * 1000, 3),
        "answer": outcome.answer,
    }
