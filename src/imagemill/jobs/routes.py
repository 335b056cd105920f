"""The jobs service over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Intake
from imagemill.errors import Conflict, FieldError, InvalidRequest, NotFound
from imagemill.jobs import listing, live, openapi, parameters
from imagemill.jobs.catalogue import Catalogue, OperationView, catalogue, operation_view
from imagemill.jobs.internal import add_internal
from imagemill.jobs.job import Job
from imagemill.jobs.preset_routes import add_presets
from imagemill.jobs.request import JobRequest, Wish, wish_of, wish_of_fields, wish_of_text
from imagemill.jobs.service import Jobs
from imagemill.jobs.states import Status
from imagemill.jobs.views import (
    Accepted,
    DryRun,
    EventView,
    JobList,
    JobView,
    accepted,
    dry_run,
    job_view,
    url_of,
)
from imagemill.operations import operations
from imagemill.storage import Bucket
from imagemill.web import NO_QUERY, Caller, body_stream, service_app
from imagemill.web.answers import json_answer
from imagemill.web.delivery import Delivered, deliver
from imagemill.web.reading import json_object


def app_of(jobs: Jobs) -> FastAPI:
    """Make the HTTP side of the jobs service."""
    app = service_app("Imagemill jobs", jobs.signer, JobRequest, Accepted, DryRun, EventView)
    public = _Public(jobs)
    plain: dict[str, Any] = {"dependencies": [NO_QUERY]}
    add_internal(app, jobs)
    app.post("/api/v1/jobs", **openapi.JOBS)(public.submit)
    app.get("/api/v1/jobs", response_model=JobList, tags=["jobs"])(public.list)
    app.get("/api/v1/jobs/{job_id}", response_model=JobView, tags=["jobs"], **plain)(public.show)
    app.post("/api/v1/jobs/{job_id}/cancel", response_model=JobView, **openapi.CANCEL, **plain)(
        public.cancel
    )
    live.add_stream(app, jobs)
    add_presets(app, jobs.presets)
    app.get(
        "/api/v1/jobs/{job_id}/outputs/{name}", response_class=Response, **openapi.OUTPUT, **plain
    )(public.output)
    app.get("/api/v1/operations", tags=["operations"], **plain)(public.operations)
    app.get("/api/v1/operations/{name}", tags=["operations"], **plain)(public.operation)
    for name, step in operations().items():
        app.post(f"/api/v1/{name}", **openapi.short_form(name, step))(public.short_form(name))
    return app


@dataclass(frozen=True, slots=True)
class _Public:
    jobs: Jobs

    async def submit(self, request: Request, caller: Caller) -> Response:
        """Take a job on.

        The picture is an image that was uploaded before, or comes with the request: as the field
        `file` of a form, with the job as JSON in the field `job`, or as the body, with the job in
        the query. With `dry_run=1` nothing is worked on.
        """
        query = parameters.query(request, "job", "dry_run")
        if parameters.is_json(request):
            parameters.refuse_twice({"job"} & query.keys())
            return await self._answer(request, wish_of(await json_object(request)), caller)
        wish = wish_of_text(query["job"]) if "job" in query else None
        intake = await self._take_in(request, caller)
        if wish is None:
            wish = wish_of_text(intake.fields.pop("job", None))
        parameters.refuse_unknown(intake.fields)
        return await self._answer(request, wish, caller, intake)

    def short_form(self, operation: str) -> Any:  # noqa: ANN401 - a route, for FastAPI to read
        """Make the route of one operation."""

        async def work(request: Request, caller: Caller) -> Response:
            query = {k: v for k, v in parameters.query(request).items() if k != "dry_run"}
            if parameters.is_json(request):
                wish = wish_of_fields(
                    operation, parameters.merged(query, await json_object(request))
                )
                return await self._answer(request, wish, caller)
            is_raw = not parameters.is_form(request)
            early = wish_of_fields(operation, query) if is_raw else None
            intake = await self._take_in(request, caller)
            wish = early or wish_of_fields(operation, parameters.merged(query, intake.fields))
            return await self._answer(request, wish, caller, intake)

        return work

    async def list(
        self,
        caller: Caller,
        wanted: listing.Wanted,
    ) -> Response:
        """List the caller's jobs, the newest first."""
        found = await self.jobs.listed(caller, wanted)
        return json_answer(listing.page(found, wanted))

    async def show(self, job_id: openapi.JobId, caller: Caller) -> Response:
        """Show where a job stands, and its results once it is completed."""
        return json_answer(job_view(await self.jobs.get(job_id, caller)))

    async def cancel(self, job_id: openapi.JobId, caller: Caller) -> Response:
        """End a job that has not ended; a worker at it is stopped within seconds."""
        return json_answer(job_view(await self.jobs.cancel(job_id, caller)))

    async def output(
        self, request: Request, job_id: openapi.JobId, name: openapi.OutputName, caller: Caller
    ) -> Response:
        """Give the bytes of one result."""
        return await self._delivered(request, await self.jobs.get(job_id, caller), name)

    async def operations(self) -> Catalogue:
        """List what can be done to a picture."""
        return catalogue()

    async def operation(self, name: openapi.OperationName) -> OperationView:
        """Show one operation."""
        if name not in operations():
            raise NotFound("There is no such operation; see /api/v1/operations.")
        return operation_view(operations()[name])

    async def _answer(
        self, request: Request, wish: Wish, caller: Identity, carried: Intake | None = None
    ) -> Response:
        if carried is not None and wish.image_id is not None:
            problem = FieldError("input", "names an image, but the request carries one too.")
            raise InvalidRequest("A job works on one picture.", errors=[problem])
        plan = await self.jobs.plan(wish, caller, carried)
        if parameters.flag(request, "dry_run"):
            return json_answer(dry_run(plan))
        job = await self.jobs.accept(plan, caller)
        wait_s = live.preferred_wait_s(request)
        if wait_s:
            job = await self.jobs.wait(job, wait_s)
        answer = await self._about(request, job, is_waited_for=wait_s > 0)
        answer.headers["location"] = url_of(job.id)
        return answer

    async def _about(self, request: Request, job: Job, *, is_waited_for: bool) -> Response:
        """Answer new work: the ended job or its picture to who waited for it, else a promise."""
        if not is_waited_for or not job.standing.status.is_final:
            return json_answer(accepted(job), HTTPStatus.ACCEPTED)
        is_one = len(job.outputs) == 1 and job.standing.status is Status.COMPLETED
        if is_one and live.wants_picture(request):
            answer = await self._delivered(request, job, job.outputs[0].name)
        else:
            answer = json_answer(job_view(job))
        answer.headers["preference-applied"] = "wait"
        return answer

    async def _delivered(self, request: Request, job: Job, name: str) -> Response:
        found = next((each for each in job.outputs if each.name == name), None)
        if found is None:
            raise NotFound("The job has no output of this name.")
        if job.standing.status is not Status.COMPLETED or found.result is None:
            raise Conflict(f"The job is {job.standing.status}; its results are not there.")
        result = found.result
        what = Delivered(
            media_type=result.media_type,
            size_bytes=result.size_bytes,
            sha256=result.sha256,
            file_name=f"{name}.{result.format}",
            inline=True,
        )
        stored = self.jobs.storage.get(Bucket.RESULTS, result.storage_key)
        return await deliver(request, what, stored)

    async def _take_in(self, request: Request, caller: Identity) -> Intake:
        names = ("content-type", "content-length")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        return await self.jobs.uploads.take_in(body_stream(request), headers, caller=caller)
