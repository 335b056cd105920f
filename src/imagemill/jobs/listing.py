"""Lists of jobs, page after page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Depends, Query, Request

from imagemill.errors import FieldError, InvalidRequest
from imagemill.jobs import parameters
from imagemill.jobs.job import Job, Listing
from imagemill.jobs.states import Status
from imagemill.jobs.views import JobList, job_view

_MOST: Final = 100


def wanted(
    request: Request,
    status: Annotated[Status | None, Query(description="Only jobs of this status.")] = None,
    type: Annotated[  # noqa: A002 - the parameter's name in the query
        str, Query(max_length=64, description="Only jobs of this operation, or `pipeline`.")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=_MOST, description="Jobs in one answer.")] = 20,
    cursor: Annotated[
        str, Query(max_length=200, description="`next` of the answer before; the start if empty.")
    ] = "",
) -> Listing:
    """Read which jobs to list; raises `InvalidRequest` for what cannot be meant."""
    parameters.query(request, "status", "type", "limit", "cursor")
    before, before_id = _read(cursor) if cursor else (float("inf"), "")
    return Listing(limit=limit, status=status or "", type=type, before=before, before_id=before_id)


Wanted = Annotated[Listing, Depends(wanted)]


def page(found: Sequence[Job], asked: Listing) -> JobList:
    """Make a page of what was found: one more job than asked for means that the list goes on."""
    shown = found[: asked.limit]
    goes_on = len(found) > asked.limit
    return JobList(
        jobs=[job_view(each) for each in shown], next=_written(shown[-1]) if goes_on else None
    )


def _written(job: Job) -> str:
    return base64.urlsafe_b64encode(f"{job.created_at!r} {job.id}".encode()).decode()


def _read(cursor: str) -> tuple[float, str]:
    try:
        before, _, before_id = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return float(before), before_id
    except ValueError as error:
        problem = FieldError("cursor", "is not one that an answer gave.")
        raise InvalidRequest("The list cannot go on from there.", errors=[problem]) from error
