"""What was used in a month, and how much work waits, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field

from imagemill.contracts.usage import MONTH, KeyIntake, month_of
from imagemill.database import Connection
from imagemill.jobs.records import queue, usage
from imagemill.jobs.records.queue import Lane
from imagemill.jobs.records.usage import Usage
from imagemill.jobs.service import Jobs
from imagemill.jobs.turns import Priority
from imagemill.jobs.views import time_of
from imagemill.web import NO_QUERY, Caller, only_query

_Month = Annotated[
    str, Query(pattern=MONTH, description="A calendar month, UTC; the running one if left out.")
]
_KeyId = Annotated[str, Query(max_length=64, description="Only what this key used.")]


class Used(BaseModel):
    """What was used in a month."""

    model_config = ConfigDict(frozen=True)

    jobs: int = Field(default=0, description="Jobs that were accepted; quotas count these.")
    completed: int = Field(default=0, description="Jobs that ended so in the month.")
    failed: int = 0
    cancelled: int = 0
    outputs: int = Field(default=0, description="Results that were made, without repetitions.")
    pixels_in: int = Field(default=0, description="Pixels that were read, all frames.")
    pixels_out: int = Field(default=0, description="Pixels that were written, all frames.")
    bytes_out: int = Field(default=0, description="Bytes of the results that were made.")
    cpu_s: float = Field(default=0.0, description="Seconds of processor time for them.")
    images: int = Field(default=0, description="Originals that came in and were new.")
    bytes_in: int = Field(default=0, description="Bytes of these.")
    stored_images: int = Field(default=0, description="Originals that are kept now.")
    stored_bytes: int = Field(default=0, description="Bytes of these; quotas count them.")


class UsedByKey(Used):
    """What one key used in a month."""

    key_id: str | None = Field(description="Null for people who logged in, and for old jobs.")


class UsageView(BaseModel):
    """What an account used in a month, by key and in all."""

    model_config = ConfigDict(frozen=True)

    month: str = Field(examples=["2026-11"])
    total: Used
    keys: list[UsedByKey]


class LaneView(BaseModel):
    """What stands in one lane of the queue."""

    model_config = ConfigDict(frozen=True)

    waiting: int = Field(description="Jobs that wait for their turn or for a worker.")
    resting: int = Field(description="Jobs that wait for another try after a failure.")
    processing: int = Field(description="Jobs that workers have in hand.")
    oldest_at: datetime | None = Field(description="When the oldest that waits or rests was made.")


class QueueView(BaseModel):
    """How much work there is, of everybody."""

    model_config = ConfigDict(frozen=True)

    waiting: int
    resting: int
    processing: int
    oldest_s: float = Field(description="How long the oldest has waited; 0 where nothing waits.")
    lanes: dict[Priority, LaneView]


def add_usage(app: FastAPI, jobs: Jobs) -> None:
    """Let an app tell what was used, and operators how much work waits."""
    routes = _Routes(jobs)
    asked: dict[str, Any] = {"dependencies": [only_query("month", "key_id")]}
    app.get("/api/v1/usage", response_model=UsageView, tags=["usage"], **asked)(routes.usage)
    app.get("/api/v1/queue", response_model=QueueView, tags=["operators"], dependencies=[NO_QUERY])(
        routes.queue
    )


@dataclass(frozen=True, slots=True)
class _Routes:
    jobs: Jobs

    async def usage(self, caller: Caller, month: _Month = "", key_id: _KeyId = "") -> UsageView:
        """Show what the account used in a month, by key and in all.

        Results that were there already took nothing. `stored_images` and `stored_bytes` are those
        of now, whichever month is asked for.
        """

        def unit(connection: Connection) -> tuple[str, list[Usage]]:
            asked = month or month_of(connection.now())
            return asked, usage.listed(connection, caller.account, asked, key_id or None)

        asked, used = await self.jobs.database.read(unit)
        taken = await self.jobs.uploads.usage(asked, caller=caller)
        mine = [each for each in taken if not key_id or each.key_id == key_id]
        keys = _joined(used, mine)
        return UsageView(month=asked, total=_sum(keys), keys=keys)

    async def queue(self) -> QueueView:
        """Show how much work of everybody waits, and since when."""
        read = self.jobs.database.read
        lanes = {each: await read(partial(queue.lane, number=each.lane)) for each in Priority}
        now = await read(lambda each: each.now())
        oldest = [each.oldest_at for each in lanes.values() if each.oldest_at is not None]
        return QueueView(
            waiting=sum(each.waiting for each in lanes.values()),
            resting=sum(each.resting for each in lanes.values()),
            processing=sum(each.processing for each in lanes.values()),
            oldest_s=round(max(now - min(oldest), 0.0), 3) if oldest else 0.0,
            lanes={name: _lane(each) for name, each in lanes.items()},
        )


def _joined(used: Sequence[Usage], taken: Sequence[KeyIntake]) -> list[UsedByKey]:
    """Put what two services tell of each key side by side, in the order of the keys."""
    by_jobs = {each.key_id: asdict(each) for each in used}
    by_uploads = {each.key_id: each.model_dump() for each in taken}
    return [
        UsedByKey.model_validate(
            by_jobs.get(key_id, {}) | by_uploads.get(key_id, {}) | {"key_id": key_id or None}
        )
        for key_id in sorted(by_jobs.keys() | by_uploads.keys())
    ]


def _sum(keys: Sequence[UsedByKey]) -> Used:
    return Used.model_validate(
        {name: sum(getattr(each, name) for each in keys) for name in Used.model_fields}
    )


def _lane(lane: Lane) -> LaneView:
    return LaneView(
        waiting=lane.waiting,
        resting=lane.resting,
        processing=lane.processing,
        oldest_at=None if lane.oldest_at is None else time_of(lane.oldest_at),
    )
