"""A delivery as it is kept: one event that is owed to one target."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    OWED = "owed"
    """It is tried until it ends."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """Its tries are used up, or trying is of no use; a person may have it delivered again."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event that is owed to a target."""

    id: str
    """Made of event and target, so that it stays the same over tries, crashes and redeliveries."""
    event_id: str
    event_type: str
    owner: str
    channel: str
    target: str
    """What the channel called it."""
    address: str
    """Where it goes, as it was when it became owed; empty where the target alone says it."""
    lane: str
    """The host and the owner: few deliveries of each are tried at a time."""
    status: DeliveryStatus
    tries: int
    """How often it was tried since it is owed."""
    due_at: float
    """When it is tried next; while it is tried, when it is taken for lost."""
    created_at: float
    ended_at: float | None
    body: str
    """JSON: `type`, `timestamp` and `data`."""
    reason: str = ""
    """Why the last try failed; empty where it did not."""
    lease_id: str | None = None
    """Held by who tries it now."""
    traceparent: str | None = None
    """The trace that its event belongs to; None for none."""
    request_id: str | None = None
    """The request that its event goes back to; None for none."""
    job_id: str | None = None
    """The job that its event is about; None for none."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a delivery, after its end."""

    number: int
    at: float
    outcome: str
    """`delivered`, `again` or `never`."""
    reason: str
    """Why it was not delivered; empty when it was."""
    status: int | None
    """HTTP status of the answer, where there was one."""
    milliseconds: float
    answer: str
    """The beginning of the answer's body."""


def delivery_id(event_id: str, channel: str, target: str) -> str:
    """Name what is owed to a target of an event; the same each time."""
    digest = hashlib.sha256(f"{event_id}\n{channel}\n{target}".encode()).hexdigest()
    return f"msg_{digest[:32]}"


def lane_of(host: str, owner: str) -> str:
    """Name the line in which deliveries of an owner to a host wait; hosts have no blanks."""
    return f"{host} {owner}"


def host_of(lane: str) -> str:
    """Tell the host of a lane."""
    return lane.partition(" ")[0]


def owner_of(lane: str) -> str:
    """Tell the owner of a lane."""
    return lane.partition(" ")[2]
