"""The jobs service over HTTP."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

from imagemill.contracts.identity import Identity
from imagemill.contracts.jobs import Beat, Claim, ClaimRequest, Failure, Finish
from imagemill.contracts.uploads import Image, Intake
from imagemill.errors import Conflict, FieldError, InvalidRequest, NotFound
from imagemill.jobs import openapi
from imagemill.jobs.catalogue import Catalogue, OperationView, catalogue, operation_view
from imagemill.jobs.request import JobRequest, Wish, wish_of, wish_of_fields, wish_of_text
from imagemill.jobs.service import Jobs
from imagemill.jobs.states import Status
from imagemill.jobs.views import Accepted, DryRun, JobView, accepted, dry_run, job_view, url_of
from imagemill.operations import operations
from imagemill.storage import Bucket
from imagemill.web import Caller, Process, body_stream, service_app
from imagemill.web.delivery import Delivered, deliver
from imagemill.web.reading import json_object


def app_of(jobs: Jobs) -> FastAPI:
    """Make the HTTP side of the jobs service."""
    app = service_app("Imagemill jobs", jobs.signer, JobRequest, Accepted, DryRun)
    public, internal = _Public(jobs), _Internal(jobs)
    app.post("/api/v1/jobs", **openapi.JOBS)(public.submit)
    app.get("/api/v1/jobs/{job_id}", tags=["jobs"])(public.show)
    app.get("/api/v1/jobs/{job_id}/outputs/{name}", response_class=Response, **openapi.OUTPUT)(
        public.output
    )
    app.get("/api/v1/operations", tags=["operations"])(public.operations)
    app.get("/api/v1/operations/{name}", tags=["operations"])(public.operation)
    for name, step in operations().items():
        app.post(f"/api/v1/{name}", **openapi.short_form(name, step))(public.short_form(name))
    hidden: dict[str, Any] = {"include_in_schema": False}
    app.post("/internal/claims", response_model=None, **hidden)(internal.claim)
    app.post("/internal/jobs/{job_id}/beat", status_code=204, **hidden)(internal.beat)
    app.post("/internal/jobs/{job_id}/finish", status_code=204, **hidden)(internal.finish)
    app.post("/internal/jobs/{job_id}/failure", status_code=204, **hidden)(internal.fail)
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
        query = _query(request, "job", "dry_run")
        if _is_json(request):
            _refuse_twice({"job"} & query.keys())
            return await self._answer(request, wish_of(await json_object(request)), caller)
        wish = wish_of_text(query["job"]) if "job" in query else None
        intake = await self._take_in(request, caller)
        if wish is None:
            wish = wish_of_text(intake.fields.pop("job", None))
        _refuse_unknown(intake.fields)
        return await self._answer(request, wish, caller, intake.image)

    def short_form(self, operation: str) -> Any:  # noqa: ANN401 - a route, for FastAPI to read
        """Make the route of one operation."""

        async def work(request: Request, caller: Caller) -> Response:
            query = {k: v for k, v in _query(request).items() if k != "dry_run"}
            if _is_json(request):
                wish = wish_of_fields(operation, _merged(query, await json_object(request)))
                return await self._answer(request, wish, caller)
            if not _is_form(request):
                wish_of_fields(operation, query)  # Refused before the picture is taken in.
            intake = await self._take_in(request, caller)
            wish = wish_of_fields(operation, _merged(query, intake.fields))
            return await self._answer(request, wish, caller, intake.image)

        return work

    async def show(self, job_id: openapi.JobId, caller: Caller) -> JobView:
        """Show where a job stands, and its results once it is completed."""
        return job_view(await self.jobs.get(job_id, caller))

    async def output(
        self, request: Request, job_id: openapi.JobId, name: openapi.OutputName, caller: Caller
    ) -> Response:
        """Give the bytes of one result."""
        job = await self.jobs.get(job_id, caller)
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

    async def operations(self) -> Catalogue:
        """List what can be done to a picture."""
        return catalogue()

    async def operation(self, name: openapi.OperationName) -> OperationView:
        """Show one operation."""
        if name not in operations():
            raise NotFound("There is no such operation; see /api/v1/operations.")
        return operation_view(operations()[name])

    async def _answer(
        self, request: Request, wish: Wish, caller: Identity, carried: Image | None = None
    ) -> Response:
        if carried is not None and wish.image_id is not None:
            problem = FieldError("input", "names an image, but the request carries one too.")
            raise InvalidRequest("A job works on one picture.", errors=[problem])
        plan = await self.jobs.plan(wish, caller, carried)
        if _flag(request, "dry_run"):
            return _json(dry_run(plan), HTTPStatus.OK)
        job = await self.jobs.accept(plan, caller)
        answer = _json(accepted(job), HTTPStatus.ACCEPTED)
        answer.headers["location"] = url_of(job.id)
        return answer

    async def _take_in(self, request: Request, caller: Identity) -> Intake:
        names = ("content-type", "content-length")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        return await self.jobs.uploads.take_in(body_stream(request), headers, caller=caller)


@dataclass(frozen=True, slots=True)
class _Internal:
    jobs: Jobs

    async def claim(self, request: ClaimRequest, _: Process) -> Response:
        """Lend a job to a worker."""
        claim: Claim | None = await self.jobs.claim(request)
        return _json(claim, HTTPStatus.OK) if claim else Response(status_code=204)

    async def beat(self, job_id: str, beat: Beat, _: Process) -> None:
        """Keep a lease."""
        await self.jobs.beat(job_id, beat)

    async def finish(self, job_id: str, finish: Finish, _: Process) -> None:
        """Take results."""
        await self.jobs.finish(job_id, finish)

    async def fail(self, job_id: str, failure: Failure, _: Process) -> None:
        """Take a failure."""
        await self.jobs.fail(job_id, failure)


def _json(model: BaseModel, status: HTTPStatus) -> Response:
    return Response(model.model_dump_json(), status_code=status, media_type="application/json")


def _is_json(request: Request) -> bool:
    return _media_type(request) == "application/json"


def _is_form(request: Request) -> bool:
    return _media_type(request) == "multipart/form-data"


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _query(request: Request, *known: str) -> dict[str, str]:
    """Read the query; with `known`, refuse any other name."""
    given = dict(request.query_params)
    listed = [name for name, _ in request.query_params.multi_items()]
    _refuse_twice({name for name in given if listed.count(name) > 1})
    if known:
        _refuse_unknown({name: value for name, value in given.items() if name not in known})
    return given


def _flag(request: Request, name: str) -> bool:
    value = request.query_params.get(name, "0").lower()
    if value not in {"0", "1", "false", "true"}:
        problem = FieldError(name, "is 1 or 0.")
        raise InvalidRequest("The query has a value that is wrong.", errors=[problem])
    return value in {"1", "true"}


def _merged(query: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    _refuse_twice(query.keys() & fields.keys())
    return {**query, **fields}


def _refuse_twice(names: Collection[str]) -> None:
    if names:
        problem = "is given more than once, in the query or there and in the body; give it once."
        errors = [FieldError(name[:80], problem) for name in sorted(names)]
        raise InvalidRequest("A parameter is given twice.", errors=errors)


def _refuse_unknown(given: Mapping[str, Any]) -> None:
    if given:
        errors = [FieldError(name[:80], "is not known here.") for name in given]
        raise InvalidRequest("The request has fields that are not known.", errors=errors)
