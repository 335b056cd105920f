"""Lists of jobs, page after page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Depends, Query, Request

from imagemill.jobs import parameters
from imagemill.jobs.job import Job, Listing
from imagemill.jobs.states import Status
from imagemill.jobs.views import JobList, job_view
from imagemill.web.paging import cursor_of, place_of

MOST: Final = 100
"""Things on one page of a list."""


def wanted(
    request: Request,
    status: Annotated[Status | None, Query(description="Only jobs of this status.")] = None,
    type: Annotated[  # noqa: A002 - the parameter's name in the query
        str, Query(max_length=64, description="Only jobs of this operation, or `pipeline`.")
    ] = "",
    batch: Annotated[str, Query(max_length=64, description="Only jobs of this batch.")] = "",
    image: Annotated[str, Query(max_length=64, description="Only jobs on this image.")] = "",
    limit: Annotated[int, Query(ge=1, le=MOST, description="Jobs in one answer.")] = 20,
    cursor: Annotated[
        str, Query(max_length=200, description="`next` of the answer before; the start if empty.")
    ] = "",
) -> Listing:
    """Read which jobs to list; raises `InvalidRequest` for what cannot be meant."""
    parameters.query(request, "status", "type", "batch", "image", "limit", "cursor")
    before, before_id = place_of(cursor)
    return Listing(
        limit=limit,
        status=status or "",
        type=type,
        batch_id=batch,
        image_id=image,
        before=before,
        before_id=before_id,
    )


Wanted = Annotated[Listing, Depends(wanted)]


def page(found: Sequence[Job], asked: Listing) -> JobList:
    """Make a page of what was found: one more job than asked for means that the list goes on."""
    shown = found[: asked.limit]
    goes_on = len(found) > asked.limit
    following = cursor_of(shown[-1].created_at, shown[-1].id) if goes_on else None
    return JobList(jobs=[job_view(each) for each in shown], next=following)
