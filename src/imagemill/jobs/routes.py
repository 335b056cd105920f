"""The jobs service over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from starlette.background import BackgroundTask

from imagemill.audit import noting
from imagemill.audit.records import put
from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Intake
from imagemill.database import Connection
from imagemill.errors import FieldError, InvalidRequest, NotFound
from imagemill.faults import Faults, Point
from imagemill.idempotency import REPLAYED, Remembered
from imagemill.jobs import listing, live, once, openapi, parameters
from imagemill.jobs.awaiting import Awaited
from imagemill.jobs.batch_routes import add_batches
from imagemill.jobs.batches import Batches
from imagemill.jobs.catalogue import Catalogue, OperationView, catalogue, operation_view
from imagemill.jobs.document_routes import add_documents
from imagemill.jobs.internal import add_internal
from imagemill.jobs.job import Job
from imagemill.jobs.lending import Lending
from imagemill.jobs.letter_routes import add_letters
from imagemill.jobs.output_routes import Outputs, add_outputs
from imagemill.jobs.plan import Plan
from imagemill.jobs.preset_routes import add_presets
from imagemill.jobs.rebuilding import Rebuilding
from imagemill.jobs.replays import Replays
from imagemill.jobs.request import Wish, wish_of, wish_of_fields, wish_of_text
from imagemill.jobs.service import Jobs
from imagemill.jobs.states import Status
from imagemill.jobs.usage_routes import add_usage
from imagemill.jobs.views import (
    JobList,
    JobView,
    accepted,
    dry_run,
    event_view,
    job_view,
    url_of,
)
from imagemill.operations import operations
from imagemill.web import NO_QUERY, Caller, body_stream, service_app
from imagemill.web.answers import json_answer
from imagemill.web.reading import json_object

_After = Annotated[
    int | None,
    Query(
        ge=0,
        le=live.LARGEST_ID,
        description="Show the events after this one, too; 0 for all of them.",
    ),
]


def app_of(jobs: Jobs, lending: Lending, faults: Faults) -> FastAPI:
    """Make the HTTP side of the jobs service."""
    app = service_app("Imagemill jobs", jobs.signer, *openapi.MODELS)
    replays = Replays(jobs)
    public = Public(jobs, replays, Outputs(jobs, Rebuilding(jobs)), faults)
    plain: dict[str, Any] = {"dependencies": [NO_QUERY]}
    add_internal(app, jobs, lending)
    app.post("/api/v1/jobs", **openapi.JOBS)(public.submit)
    app.get("/api/v1/jobs", response_model=JobList, tags=["jobs"])(public.list)
    app.get("/api/v1/jobs/{job_id}", response_model=JobView, tags=["jobs"])(public.show)
    app.post("/api/v1/jobs/{job_id}/cancel", response_model=JobView, **openapi.CANCEL, **plain)(
        public.cancel
    )
    app.post("/api/v1/jobs/{job_id}/replay", **openapi.REPLAY, **plain)(public.replay)
    live.add_stream(app, jobs)
    add_presets(app, jobs.presets, jobs.running)
    add_letters(app, public)
    add_batches(app, Batches(jobs, replays))
    add_documents(app, public)
    add_usage(app, jobs)
    add_outputs(app, public.outputs)
    app.get("/api/v1/operations", tags=["operations"], **plain)(public.operations)
    app.get("/api/v1/operations/{name}", tags=["operations"], **plain)(public.operation)
    for name, step in operations().items():
        app.post(f"/api/v1/{name}", **openapi.short_form(name, step))(public.short_form(name))
    return app


@dataclass(frozen=True, slots=True)
class Public:
    """What clients ask about jobs."""

    jobs: Jobs
    replays: Replays
    outputs: Outputs
    faults: Faults

    async def submit(self, request: Request, caller: Caller) -> Response:
        """Take a job on.

        The picture is an image that was uploaded before, or comes with the request: as the field
        `file` of a form, with the job as JSON in the field `job`, or as the body, with the job in
        the query. With `dry_run=1` nothing is worked on.
        """
        with once.entered(request, caller, self.jobs.database, self.jobs.running) as entry:
            return await self._submitted(request, caller, entry)

    async def _submitted(self, request: Request, caller: Identity, entry: once.Entry) -> Response:
        query = parameters.query(request, "job", "dry_run")
        if parameters.is_json(request):
            parameters.refuse_twice({"job"} & query.keys())
            return await self._answer(request, wish_of(await json_object(request)), caller, entry)
        wish = wish_of_text(query["job"]) if "job" in query else None
        intake = await self.take_in(request, caller)
        if wish is None:
            wish = wish_of_text(intake.fields.pop("job", None))
        parameters.refuse_unknown(intake.fields)
        return await self._answer(request, wish, caller, entry, intake)

    def short_form(self, operation: str) -> Any:  # noqa: ANN401 - a route, for FastAPI to read
        """Make the route of one operation."""

        async def work(request: Request, caller: Caller) -> Response:
            with once.entered(request, caller, self.jobs.database, self.jobs.running) as entry:
                return await self._shortly(operation, request, caller, entry)

        return work

    async def _shortly(
        self, operation: str, request: Request, caller: Identity, entry: once.Entry
    ) -> Response:
        query = {k: v for k, v in parameters.query(request).items() if k != "dry_run"}
        if parameters.is_json(request):
            given = parameters.merged(query, await json_object(request))
            return await self._answer(request, wish_of_fields(operation, given), caller, entry)
        is_raw = not parameters.is_form(request)
        early = wish_of_fields(operation, query) if is_raw else None
        intake = await self.take_in(request, caller)
        wish = early or wish_of_fields(operation, parameters.merged(query, intake.fields))
        return await self._answer(request, wish, caller, entry, intake)

    async def list(
        self,
        caller: Caller,
        wanted: listing.Wanted,
    ) -> Response:
        """List the caller's jobs, the newest first."""
        found = await self.jobs.listed(caller, wanted)
        return json_answer(listing.page(found, wanted))

    async def show(
        self, request: Request, job_id: openapi.JobId, caller: Caller, after: _After = None
    ) -> Response:
        """Show where a job stands, and its results once it is completed.

        With `after` it also shows what happened to it after an event: the events of the live
        stream, for programs that poll.
        """
        parameters.query(request, "after")
        view = job_view(await self.jobs.get(job_id, caller))
        if after is None:
            return json_answer(view)
        told = [event_view(each) for each in await self.jobs.events(job_id, after)]
        return json_answer(view.model_copy(update={"events": told}))

    async def cancel(self, job_id: openapi.JobId, caller: Caller) -> Response:
        """End a job that has not ended; a worker at it is stopped within seconds."""
        return json_answer(job_view(await self.jobs.cancel(job_id, caller)))

    async def replay(self, request: Request, job_id: openapi.JobId, caller: Caller) -> Response:
        """Do a failed or cancelled job again, as a new job that names the old one.

        A dead letter can be replayed once; it then tells which job does it again.
        """
        return await self.replayed(request, job_id, caller, "job.replayed")

    async def replayed(
        self,
        request: Request,
        job_id: str,
        caller: Identity,
        action: str,
        owner: Identity | None = None,
    ) -> Response:
        """Do a job again and note it as `action`; an operator does it for the job's owner.

        Operators get the promise alone: what comes of it is the owner's to see.
        """
        with once.entered(request, caller, self.jobs.database, self.jobs.running) as entry:
            meaning = once.meaning_of(request)
            if known := await entry.known(meaning):
                return known.answer() if owner else await self.again(request, known, caller)
            keep = entry.keeping(meaning, HTTPStatus.ACCEPTED, told)
            note = noting(request, caller, action, put)

            def kept(connection: Connection, made: Sequence[Job]) -> None:
                keep(connection, made)
                note(connection, job_id)

            job = await self.replays.job(job_id, owner or caller, kept)
        return _promise(job) if owner else await self.waited(request, job)

    async def operations(self) -> Catalogue:
        """List what can be done to a picture."""
        return catalogue()

    async def operation(self, name: openapi.OperationName) -> OperationView:
        """Show one operation."""
        if name not in operations():
            raise NotFound("There is no such operation; see /api/v1/operations.")
        return operation_view(operations()[name])

    async def _answer(
        self,
        request: Request,
        wish: Wish,
        caller: Identity,
        entry: once.Entry,
        carried: Intake | None = None,
    ) -> Response:
        if carried is not None and (wish.image_id or wish.url) is not None:
            problem = FieldError("input", "names an image, but the request carries one too.")
            raise InvalidRequest("A job works on one picture.", errors=[problem])
        is_dry = parameters.flag(request, "dry_run")
        digest = carried.image.sha256 if carried else None
        meaning = once.meaning_of(request, once.written(wish), digest, is_dry)
        if known := await entry.known(meaning):
            return await self.again(request, known, caller)
        plan = await self.jobs.plan(wish, caller, carried)
        if is_dry:
            return json_answer(dry_run(_planned(plan)))
        keep = entry.keeping(meaning, HTTPStatus.ACCEPTED, told)
        self.faults.reach(Point.BEFORE_202)
        job = await self.jobs.accept(plan, caller, keep)
        return await self.waited(request, job)

    async def again(self, request: Request, known: Remembered, caller: Identity) -> Response:
        """Answer a request that was answered before: alike, or with the end that is waited for."""
        if not live.preferred_wait_s(request):
            return known.answer()
        answer = await self.waited(request, await self.jobs.get(known.made, caller))
        answer.headers[REPLAYED] = "true"
        return answer

    async def waited(self, request: Request, job: Job) -> Response:
        """Answer about new work, after so long as the caller would wait for its end."""
        wait_s = live.preferred_wait_s(request)
        if wait_s:
            job = await self.jobs.wait(job, wait_s)
        answer = await self._about(request, job, is_waited_for=wait_s > 0)
        answer.headers["location"] = url_of(job.id)
        answer.background = BackgroundTask(self.faults.reach, Point.AFTER_202)
        return answer

    async def _about(self, request: Request, job: Job, *, is_waited_for: bool) -> Response:
        """Answer new work: the ended job or its picture to who waited for it, else a promise."""
        if not is_waited_for or not job.standing.status.is_final:
            return json_answer(accepted(job), HTTPStatus.ACCEPTED)
        is_one = len(job.outputs) == 1 and job.standing.status is Status.COMPLETED
        if is_one and live.wants_picture(request):
            answer = await self.outputs.delivered(request, job, job.outputs[0].name)
        else:
            answer = json_answer(job_view(job))
        answer.headers["preference-applied"] = "wait"
        return answer

    async def take_in(self, request: Request, caller: Identity) -> Intake:
        """Have uploads keep the picture that a request carries."""
        await self.jobs.check_room(caller)
        names = ("content-type", "content-length")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        return await self.jobs.uploads.take_in(body_stream(request), headers, caller=caller)


def _promise(job: Job) -> Response:
    answer = json_answer(accepted(job), HTTPStatus.ACCEPTED)
    answer.headers["location"] = url_of(job.id)
    return answer


def _planned(plan: Plan | Awaited) -> Plan:
    """Give a plan to show; raises `InvalidRequest` while its images are not there."""
    if isinstance(plan, Awaited):
        problem = FieldError("dry_run", "needs images that are there; fetch them first.")
        raise InvalidRequest("What the job would make is not known yet.", errors=[problem])
    return plan


def told(made: Sequence[Job]) -> tuple[str, str, str]:
    """Tell, for an idempotency key, of the one job that a request made."""
    job = made[0]
    return job.id, url_of(job.id), accepted(job).model_dump_json()
