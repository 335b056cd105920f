"""What happened, as people and programs are told of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

TYPES: Final = (
    "job.completed",
    "job.failed",
    "job.dead",
    "job.cancelled",
    "batch.completed",
    "image.stored",
    "image.failed",
)
"""Types of events that somebody may want to be told of."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to what an account owns."""

    id: str
    """Stable: `evt_`, the log that it stands in, its number there, and its time."""
    type: str
    """One of `TYPES`."""
    at: float
    """Seconds since 1970."""
    owner: str
    data: Mapping[str, Any] = field(default_factory=dict)
    """What the log itself says: ids of the job, the batch or the image, and a code."""
    webhook_url: str | None = None
    """Where the job asked to be told of its end; None where it did not."""
    traceparent: str | None = None
    """The trace that it belongs to; None for none."""
    request_id: str | None = None
    """The request that it goes back to; None for none."""


def event_id(log: str, number: int, at: float) -> str:
    """Name an event of a log, the same way each time that it is read.

    The time is in it because a log that was restored from a backup gives numbers out again.
    """
    return f"evt_{log}_{number}_{int(at * 1000):x}"


def body_of(event: Event, data: Mapping[str, Any]) -> str:
    """Write what is told of an event, in the shape of Standard Webhooks.

    It is written once and kept, for a signature covers bytes and not what they mean. Source:
    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    told = {"type": event.type, "timestamp": _iso(event.at), "data": dict(data)}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
