"""What an account was told: a list to read, and a test message to ask for."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from imagemill.errors import Conflict, RateLimited
from imagemill.notifier.delivery import DeliveryStatus
from imagemill.notifier.events import Event, body_of
from imagemill.notifier.people import owed_to
from imagemill.notifier.records.deliveries import Owed
from imagemill.notifier.records.people import Told
from imagemill.web.paging import MOST, cursor_of

TEST: Final = "test"
"""Type of the event of a test message; no log has it."""
HOUR_S: Final = 3600.0

Channel = Literal["mail", "sms", "push"]
Limit = Annotated[int, Query(ge=1, le=MOST, description="Notifications on one page.")]
Cursor = Annotated[
    str, Query(max_length=200, description="`next` of the answer before; the start if empty.")
]


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class TestRequest(BaseModel):
    """A wish to be sent a test message."""

    __test__ = False
    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: Channel = Field(description="The way to try.", examples=["mail"])


class NotificationView(_View):
    """One message to one address."""

    id: str
    event_id: str = Field(
        description="Of what happened; webhooks tell the same.",
        examples=["evt_jobs_17_19a4c2f1b3e"],
    )
    type: str = Field(description="Type of the event, or `test`.", examples=["job.completed"])
    channel: Channel
    to: str = Field(
        description="Mail address, telephone number or registration of a device.",
        examples=["ada@example.org"],
    )
    status: DeliveryStatus = Field(
        description="`owed` until it ends: `delivered` when the gateway took it, else `failed`."
    )
    tries: int = Field(description="How often it was tried.")
    reason: str | None = Field(description="Why the last try failed; null where none did.")
    created_at: datetime
    due_at: datetime | None = Field(
        description="When it is tried next, such as after quiet hours; null when it has ended."
    )
    ended_at: datetime | None


class NotificationList(_View):
    """What the caller was told by mail, SMS and push, the newest first."""

    notifications: list[NotificationView]
    next: str | None = Field(
        description="Where the list goes on: `cursor` of the next request; null at the end."
    )


def page(found: Sequence[Told], limit: int) -> NotificationList:
    """Make a page of what was found: one more than asked for means that the list goes on."""
    shown, goes_on = found[:limit], len(found) > limit
    following = cursor_of(shown[-1].created_at, shown[-1].id) if goes_on else None
    return NotificationList(notifications=[view_of(each) for each in shown], next=following)


def view_of(told: Told) -> NotificationView:
    """Show a message to whom it was for."""
    return NotificationView(
        id=told.id,
        event_id=told.event_id,
        type=told.type,
        channel=told.channel,
        to=told.to,
        status=DeliveryStatus(told.status),
        tries=told.tries,
        reason=told.reason or None,
        created_at=_time(told.created_at),
        due_at=_time(told.due_at) if told.ended_at is None else None,
        ended_at=None if told.ended_at is None else _time(told.ended_at),
    )


def test_owed(account: str, channel: str, addresses: Sequence[str], at: float) -> list[Owed]:
    """Owe a test message to each address, at once; raises `Conflict` where there is none."""
    if not addresses:
        raise Conflict(
            f"There is no address for {channel} in your profile; add one, and try again."
        )
    event = Event(id=f"evt_test_{uuid.uuid4().hex}", type=TEST, at=at, owner=account)
    return [owed_to(event, body_of(event, {}), channel, each, channel) for each in addresses]


def refuse_too_many(tests: int, first_at: float | None, most: int, now: float) -> None:
    """Raise `RateLimited` when so many tests were asked for within the last hour."""
    if tests < most:
        return
    wait_s = max(1, round((first_at or now) + HOUR_S - now))
    limit: dict[str, Any] = {"tests_per_hour": most}
    raise RateLimited(
        f"You asked for {most} test messages within an hour, and more are not sent.",
        limit=limit,
        retry_after_s=wait_s,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
