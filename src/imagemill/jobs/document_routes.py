"""The routes that the requirements name: the same jobs, in the words of those papers.

`POST /uploads` and `POST /images` make a job that stores a picture anew and tells its facts, unless
they say what else to do. A request's id is its job's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import FastAPI, Path, Query, Request, Response
from pydantic import Field

from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Intake
from imagemill.errors import FieldError, InvalidRequest, NotFound
from imagemill.jobs import once, openapi, parameters
from imagemill.jobs.documents import (
    PaperStatus,
    StatusList,
    StatusView,
    facts_of,
    of_paper,
    status_view,
)
from imagemill.jobs.job import Job, Listing
from imagemill.jobs.listing import MOST, cursor_of, place_of
from imagemill.jobs.request import Pipeline, TermsRequest, Wish, wish_of
from imagemill.web import NO_QUERY, Caller
from imagemill.web.answers import json_answer
from imagemill.web.openapi import BYTES, IDEMPOTENCY_KEY, json_body, schemas_of
from imagemill.web.reading import json_object, model_of, value_of

if TYPE_CHECKING:
    from imagemill.jobs.routes import Public

DEFAULT_OUTPUTS: Final[dict[str, Any]] = {
    "image": [{"op": "convert"}],
    "metadata": [{"op": "metadata"}],
}
"""What is made where a request does not say: the picture without hidden data, and its facts."""

_RequestId = Annotated[str, Path(description="Id of the request, or of its image.")]
_TAGS: Final = ["documents"]


class FetchRequest(TermsRequest):
    """A picture to fetch, and what to make of it."""

    url: str = Field(
        min_length=1, max_length=2048, examples=["https://images.example.com/photo.jpg"]
    )
    outputs: dict[str, Pipeline] | None = Field(
        default=None,
        description="Outputs as in a job; left out, the picture is stored anew as `image`, and "
        "its facts as `metadata`.",
    )


def add_documents(app: FastAPI, public: Public) -> None:
    """Let an app answer the routes of the requirements."""
    routes = _Routes(public)
    app.state.schemas.update(schemas_of(FetchRequest))
    made: dict[str, Any] = {
        "status_code": HTTPStatus.ACCEPTED,
        "response_model": StatusView,
        "responses": openapi.PROMISED,
        "tags": _TAGS,
        "dependencies": [NO_QUERY],
    }
    shown: dict[str, Any] = {**made, "status_code": HTTPStatus.OK, "responses": None}
    app.post("/uploads", openapi_extra=_FORM, name="upload", **made)(routes.upload)
    for path in ("/images", "/url"):
        app.post(path, openapi_extra=_JSON, name=f"fetch_by_{path[1:]}", **made)(routes.fetch)
    for path in ("/status/{request_id}", "/api/status/{request_id}"):
        name = "status" if path.startswith("/status") else "api_status"
        app.get(path, name=name, **shown)(routes.status)
    app.get("/images", response_model=StatusList, name="list", tags=[*_TAGS])(routes.listed)


_PICTURE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {**BYTES, "description": "The picture."},
        "outputs": {"type": "string", "description": "Outputs as in a job, as JSON."},
    },
    "additionalProperties": False,
}
_FORM: Final[dict[str, Any]] = {
    "parameters": [IDEMPOTENCY_KEY],
    "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _PICTURE}}},
}
_JSON: Final[dict[str, Any]] = {
    "parameters": [IDEMPOTENCY_KEY],
    **json_body(FetchRequest),
}


@dataclass(frozen=True, slots=True)
class _Routes:
    public: Public

    async def upload(self, request: Request, caller: Caller) -> Response:
        """Hand a picture over as the field `file` of a form, and have it worked on.

        The form may carry `outputs` as JSON; without them the picture is stored anew as `image`,
        and its facts as `metadata`.
        """
        jobs = self.public.jobs
        with once.entered(request, caller, jobs.database, jobs.running) as entry:
            intake = await self.public.take_in(request, caller)
            fields = dict(intake.fields)
            outputs = fields.pop("outputs", None)
            parameters.refuse_unknown(fields)
            wish = wish_of({"outputs": _value(outputs) if outputs else DEFAULT_OUTPUTS})
            return await self._promised(request, wish, caller, entry, intake)

    async def fetch(self, request: Request, caller: Caller) -> Response:
        """Have a picture fetched from a URL, and worked on."""
        jobs = self.public.jobs
        given = await json_object(request)
        asked = model_of(FetchRequest, given, "The picture cannot be fetched so.")
        about = {name: given[name] for name in TermsRequest.model_fields if name in given}
        outputs = given["outputs"] if asked.outputs is not None else DEFAULT_OUTPUTS
        wish = wish_of({"input": {"url": asked.url}, "outputs": outputs, **about})
        with once.entered(request, caller, jobs.database, jobs.running) as entry:
            return await self._promised(request, wish, caller, entry)

    async def status(self, request_id: _RequestId, caller: Caller) -> Response:
        """Tell where a request stands, and what came of it."""
        jobs = self.public.jobs
        job = await self._on_image(request_id, caller) or await self._found(request_id, caller)
        facts = await facts_of(job, jobs.storage)
        return json_answer(status_view(job, jobs.links, facts))

    async def listed(
        self,
        request: Request,
        caller: Caller,
        status: Annotated[
            PaperStatus | None, Query(description="Only requests of this status.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MOST, description="Requests in one answer.")] = 20,
        cursor: Annotated[
            str, Query(max_length=200, description="`next` of the answer before.")
        ] = "",
    ) -> Response:
        """List the caller's requests, the newest first."""
        parameters.query(request, "status", "limit", "cursor")
        before, before_id = place_of(cursor)
        wanted = Listing(limit, of_paper(status), before=before, before_id=before_id)
        found = await self.public.jobs.listed(caller, wanted)
        shown, goes_on = found[:limit], len(found) > limit
        return json_answer(
            StatusList(
                images=[status_view(each, self.public.jobs.links) for each in shown],
                next=cursor_of(shown[-1].created_at, shown[-1].id) if goes_on else None,
            )
        )

    async def _on_image(self, image_id: str, caller: Identity) -> Job | None:
        """Find the newest of the caller's jobs on an image."""
        found = await self.public.jobs.listed(caller, Listing(limit=1, image_id=image_id))
        return found[0] if found else None

    async def _found(self, request_id: str, caller: Identity) -> Job:
        """Find a job by its own id, or by one of its image that led to another; else `NotFound`."""
        jobs = self.public.jobs
        try:
            return await jobs.get(request_id, caller)
        except NotFound:
            image = (await jobs.uploads.find([request_id], caller=caller)).get(request_id)
            job = await self._on_image(image.image_id, caller) if image else None
            if job is None:
                raise
            return job

    async def _promised(
        self,
        request: Request,
        wish: Wish,
        caller: Identity,
        entry: once.Entry,
        carried: Intake | None = None,
    ) -> Response:
        """Take the job on, once for each `Idempotency-Key`, and answer with its status."""
        digest = carried.image.sha256 if carried else None
        meaning = once.meaning_of(request, once.written(wish), digest)
        if known := await entry.known(meaning):
            return known.answer()
        plan = await self.public.jobs.plan(wish, caller, carried)
        keep = entry.keeping(meaning, HTTPStatus.ACCEPTED, self._told)
        job = await self.public.jobs.accept(plan, caller, keep)
        answer = json_answer(status_view(job, self.public.jobs.links), HTTPStatus.ACCEPTED)
        answer.headers["location"] = _url(job)
        return answer

    def _told(self, made: Sequence[Job]) -> tuple[str, str, str]:
        """Tell, for an idempotency key, of the one job that a request made."""
        (job,) = made
        return job.id, _url(job), status_view(job, self.public.jobs.links).model_dump_json()


def _value(text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return value_of(text)
    except ValueError as error:
        problem = FieldError("outputs", "is not JSON.")
        raise InvalidRequest("The form has a field that is wrong.", errors=[problem]) from error


def _url(job: Job) -> str:
    return f"/status/{job.id}"
