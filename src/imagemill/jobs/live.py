"""Waiting for jobs: `Prefer: wait`, and the stream of what happens to one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from imagemill.errors import FieldError, InvalidRequest
from imagemill.jobs import openapi
from imagemill.jobs.job import Job
from imagemill.jobs.service import Jobs
from imagemill.jobs.views import event_view
from imagemill.web import Caller

LARGEST_ID: Final = 10**18 - 1
"""No event has a larger id: 64 bits of a database hold them all."""
LONGEST_WAIT_S: Final = 60.0
"""Seconds that a request is held open at most."""

_WAIT: Final = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?", re.IGNORECASE)
After = Annotated[
    int, Query(ge=0, le=LARGEST_ID, description="Only what happened after this event.")
]
LastEventId = Annotated[
    str | None, Header(description="Id of the last event that was seen; goes before `after`.")
]


def preferred_wait_s(request: Request) -> float:
    """Read how long the caller would wait (RFC 7240); 0 when it did not say."""
    found = _WAIT.search(request.headers.get("prefer", ""))
    return min(float(found[1]), LONGEST_WAIT_S) if found else 0.0


def wants_picture(request: Request) -> bool:
    """Tell whether the caller asks for the result itself instead of a job about it."""
    return request.headers.get("accept", "").strip().lower().startswith("image/")


def add_stream(app: FastAPI, jobs: Jobs) -> None:
    """Let an app tell what happens to a job while it happens."""

    async def known(job_id: openapi.JobId, caller: Caller) -> Job:
        return await jobs.get(job_id, caller)

    async def events(
        job: Job = Depends(known),  # A default, for an annotation cannot name what is local.
        after: int = Depends(start_of),
    ) -> AsyncIterator[ServerSentEvent]:
        """Tell what happens to a job, as server-sent events.

        Each event has an id that only grows; a client that comes back with `Last-Event-ID` misses
        nothing and hears nothing twice. The stream ends with the job.
        """
        async for event in jobs.follow(job.id, after):
            yield ServerSentEvent(id=str(event.id), event=event.type, data=event_view(event))

    path = "/api/v1/jobs/{job_id}/events"
    app.get(path, response_class=EventSourceResponse, **openapi.EVENTS)(events)


async def start_of(after: After = 0, last_event_id: LastEventId = None) -> int:
    """Tell after which event to go on; looked at before the stream begins, so it can be refused."""
    if last_event_id is None:
        return after
    if not last_event_id.isdecimal() or len(last_event_id) > len(str(LARGEST_ID)):
        problem = FieldError("Last-Event-ID", "is not an id that this stream gave.")
        raise InvalidRequest("The stream cannot go on from there.", errors=[problem])
    return int(last_event_id)
