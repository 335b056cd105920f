"""What workers and the notifier ask of the jobs service."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI, Request

from imagemill.contracts.identity import Identity
from imagemill.contracts.jobs import (
    Beat,
    ClaimRequests,
    Claims,
    Failure,
    Finishes,
    GivenBack,
    JobEvents,
    Recorded,
    Release,
    Views,
    ViewsRequest,
)
from imagemill.database import Connection
from imagemill.errors import MalformedBody
from imagemill.jobs.batch_routes import batch_view
from imagemill.jobs.batches import BatchState
from imagemill.jobs.lending import Lending
from imagemill.jobs.records import batches, jobs
from imagemill.jobs.service import Jobs
from imagemill.jobs.views import job_view
from imagemill.web.internal import answer_processes, answer_services, asked


def add_internal(app: FastAPI, jobs: Jobs, lending: Lending) -> None:
    """Let an app answer other processes."""
    internal = _Internal(jobs, lending)
    answer_processes(app, "GET", "/internal/events", internal.events)
    answer_processes(app, "POST", "/internal/views", internal.views)
    answer_processes(app, "POST", "/internal/claims", internal.claim)
    answer_processes(app, "POST", "/internal/jobs/{job_id}/beat", internal.beat)
    answer_processes(app, "POST", "/internal/finishes", internal.finish)
    answer_processes(app, "POST", "/internal/jobs/{job_id}/return", internal.give_back)
    answer_services(app, "POST", "/internal/images/{image_id}/release", internal.release)
    answer_processes(app, "POST", "/internal/jobs/{job_id}/failure", internal.fail)


@dataclass(frozen=True, slots=True)
class _Internal:
    jobs: Jobs
    lending: Lending

    async def events(self, request: Request, _: Identity) -> JobEvents:
        """Read the log of events from some place on."""
        try:
            after = int(request.query_params["after"])
            wait_s = float(request.query_params["wait_s"])
        except (KeyError, ValueError) as error:
            raise MalformedBody("The log is read by `after` and `wait_s`.") from error
        return JobEvents(events=await self.jobs.log(after, wait_s))

    async def views(self, request: Request, _: Identity) -> Views:
        """Show jobs and batches as their owners see them."""
        wanted = await asked(request, ViewsRequest)
        return await self.jobs.database.read(lambda each: _views(each, wanted))

    async def claim(self, request: Request, _: Identity) -> Claims:
        """Lend jobs to a worker."""
        wanted = await asked(request, ClaimRequests)
        return Claims(claims=await self.lending.claim(wanted.requests))

    async def beat(self, request: Request, _: Identity) -> None:
        """Keep a lease."""
        await self.lending.beat(request.path_params["job_id"], await asked(request, Beat))

    async def finish(self, request: Request, _: Identity) -> Recorded:
        """Take results."""
        told = await asked(request, Finishes)
        return Recorded(refusals=await self.lending.finish(told.finishes))

    async def fail(self, request: Request, _: Identity) -> None:
        """Take a failure."""
        await self.lending.fail(request.path_params["job_id"], await asked(request, Failure))

    async def give_back(self, request: Request, _: Identity) -> None:
        """Take a job back."""
        given = await asked(request, GivenBack)
        await self.lending.give_back(request.path_params["job_id"], given)

    async def release(self, request: Request, caller: Identity) -> None:
        """Let an image go, if no job needs it or these are to be cancelled."""
        asked_for = await asked(request, Release)
        image_id = request.path_params["image_id"]
        await self.jobs.release_image(image_id, caller, force=asked_for.force)


def _views(connection: Connection, wanted: ViewsRequest) -> Views:
    found = jobs.found(connection, wanted.jobs)
    ended = batches.found(connection, wanted.batches)
    return Views(
        jobs={each.id: job_view(each).model_dump(mode="json") for each in found},
        batches={
            each.id: batch_view(BatchState(each, 0)).model_dump(mode="json") for each in ended
        },
    )
