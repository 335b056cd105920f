"""Batches over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Path, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field

from imagemill.audit import noting
from imagemill.audit.records import put
from imagemill.contracts.identity import Identity
from imagemill.contracts.uploads import Intakes
from imagemill.database import Connection
from imagemill.errors import FieldError, InvalidRequest
from imagemill.idempotency import REPLAYED, Remembered
from imagemill.jobs import live, once, parameters
from imagemill.jobs.batch_request import BatchRequest, BatchWish, batch_wish_of
from imagemill.jobs.batches import Batches, BatchItems, BatchState, KeepBatch
from imagemill.jobs.job import Batch
from imagemill.jobs.listing import MOST
from imagemill.jobs.states import Status
from imagemill.jobs.views import JobView, event_view, job_view, time_of
from imagemill.web import NO_QUERY, Caller, body_stream
from imagemill.web.answers import json_answer
from imagemill.web.openapi import BYTES, IDEMPOTENCY_KEY, Described, location, problem
from imagemill.web.paging import cursor_of, place_of
from imagemill.web.reading import json_object, value_of

_MOST_JSON_BYTES: Final = 20_000_000
"""Of a batch's JSON: 10,000 items with outputs of their own."""
_BatchId = Annotated[str, Path(description="Id of the batch, as the answer to it told.")]


class BatchStatus(StrEnum):
    """Say where a batch stands."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"


class BatchView(BaseModel):
    """Many jobs made by one request, followed as one."""

    model_config = ConfigDict(frozen=True)

    batch_id: str
    status: BatchStatus = Field(
        description="`processing` until every item has ended; then `completed` when all went well, "
        "`partial` when some did, `cancelled` when none did and some were cancelled, else `failed`."
    )
    total: int = Field(description="Items.")
    queued: int
    processing: int
    completed: int
    failed: int = Field(description="Failed jobs, and items whose picture was refused.")
    cancelled: int
    replay_of: str | None = Field(default=None, description="The batch whose failures these are.")
    created_at: datetime
    finished_at: datetime | None
    url: str


class RefusedItem(BaseModel):
    """An item that never became a job, because its picture was refused."""

    position: int = Field(description="Which file of the form it was, from 0.")
    name: str | None = Field(description="What its sender called the file.")
    error: dict[str, Any] = Field(description="`code`, `message` and `limit`.")


class BatchItemsView(BaseModel):
    """Some items of a batch, in order."""

    jobs: list[JobView]
    refused: list[RefusedItem]
    next: int | None = Field(description="`after` of the next request; null at the end.")


class BatchList(BaseModel):
    """Some of the caller's batches, the newest first."""

    batches: list[BatchView]
    next: str | None = Field(description="`cursor` of the next request; null at the end.")


_MADE: Final[dict[str, Any]] = {
    "status_code": 202,
    "response_model": BatchView,
    "responses": {
        200: {"model": BatchView, "description": "With `Prefer: wait`: the ended batch."},
        202: {
            "description": "The batch is taken on.",
            "headers": location("Where to ask about the batch."),
        },
        409: problem("There is nothing to do again, or the `Idempotency-Key` is in use."),
        429: problem("You would have more jobs than you may have, unfinished or in this month."),
    },
    "tags": ["batches"],
}
_PREFER: Final[dict[str, Any]] = {
    "name": "Prefer",
    "in": "header",
    "schema": {"type": "string"},
    "description": "`wait=N`: answer 200 with the ended batch if it ends within N seconds.",
}
_REQUEST: Final = {"$ref": "#/components/schemas/BatchRequest"}
_SUBMIT: Final[dict[str, Any]] = {
    "parameters": [_PREFER, IDEMPOTENCY_KEY],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _REQUEST},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "batch"],
                    "properties": {
                        "file": {"type": "array", "items": BYTES, "description": "The pictures."},
                        "batch": _REQUEST,
                    },
                    "additionalProperties": False,
                },
                "encoding": {"batch": {"contentType": "application/json"}},
            },
        },
    },
}


def add_batches(app: FastAPI, batches: Batches) -> None:
    """Let an app answer about batches."""
    routes = _Routes(batches)
    at = "/api/v1/batches"
    plain: dict[str, Any] = {"tags": ["batches"], "dependencies": [NO_QUERY]}
    ended: Described = {409: problem("Every item has ended already.")}
    schema = BatchRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    app.state.schemas.update({**schema.pop("$defs", {}), "BatchRequest": schema})
    app.post(at, **_MADE, openapi_extra=_SUBMIT, dependencies=[NO_QUERY])(routes.submit)
    app.get(at, response_model=BatchList, tags=["batches"])(routes.list)
    app.get(f"{at}/{{batch_id}}", response_model=BatchView, **plain)(routes.show)
    app.get(f"{at}/{{batch_id}}/items", response_model=BatchItemsView, tags=["batches"])(
        routes.items
    )
    app.post(f"{at}/{{batch_id}}/cancel", response_model=BatchView, responses=ended, **plain)(
        routes.cancel
    )
    extra = {"parameters": [_PREFER, IDEMPOTENCY_KEY]}
    app.post(f"{at}/{{batch_id}}/replay", **_MADE, openapi_extra=extra, dependencies=[NO_QUERY])(
        routes.replay
    )
    _add_stream(app, batches, f"{at}/{{batch_id}}/events")


def _add_stream(app: FastAPI, batches: Batches, path: str) -> None:
    async def known(batch_id: _BatchId, caller: Caller) -> Batch:
        return (await batches.get(batch_id, caller)).batch

    async def events(
        batch: Batch = Depends(known),  # A default, for an annotation cannot name what is local.
        after: int = Depends(live.start_of),
    ) -> AsyncIterator[ServerSentEvent]:
        """Tell what happens to a batch and its jobs, as server-sent events, until it has ended."""
        async for event in batches.jobs.follow_batch(batch.id, after):
            yield ServerSentEvent(id=str(event.id), event=event.type, data=event_view(event))

    app.get(path, response_class=EventSourceResponse, tags=["batches"])(events)


@dataclass(frozen=True, slots=True)
class _Routes:
    batches: Batches

    async def submit(self, request: Request, caller: Caller) -> Response:
        """Take a batch on: up to 10,000 images, all of them or none.

        The images were uploaded before and are named by JSON, or come with the request as fields
        `file` of a form, with the batch as JSON in its field `batch`. A file that is refused is
        an item that failed; the others are worked on.
        """
        jobs = self.batches.jobs
        with once.entered(request, caller, jobs.database, jobs.running) as entry:
            if parameters.is_json(request):
                value = await json_object(request, most_bytes=_MOST_JSON_BYTES)
                wish = batch_wish_of(value, has_files=False)
                meaning = once.meaning_of(request, value)
                return await self._submitted(request, caller, entry, meaning, wish)
            carried = await self._take_in(request, caller)
            value = _field(carried)
            wish = batch_wish_of(value, has_files=True)
            digests = [each.image.sha256 if each.image else None for each in carried.items]
            meaning = once.meaning_of(request, value, digests)
            return await self._submitted(request, caller, entry, meaning, wish, carried)

    async def list(
        self,
        request: Request,
        caller: Caller,
        limit: Annotated[int, Query(ge=1, le=MOST, description="Batches in one answer.")] = 20,
        cursor: Annotated[str, Query(max_length=200, description="`next` of the one before.")] = "",
    ) -> BatchList:
        """List the caller's batches, the newest first."""
        parameters.query(request, "limit", "cursor")
        found = await self.batches.listed(caller, *place_of(cursor), limit + 1)
        shown = found[:limit]
        goes_on = len(found) > limit
        following = cursor_of(shown[-1].created_at, shown[-1].id) if goes_on else None
        return BatchList(
            batches=[batch_view(BatchState(each, 0)) for each in shown], next=following
        )

    async def show(self, batch_id: _BatchId, caller: Caller) -> BatchView:
        """Show how many items stand where."""
        return batch_view(await self.batches.get(batch_id, caller))

    async def items(
        self,
        request: Request,
        batch_id: _BatchId,
        caller: Caller,
        status: Annotated[Status | None, Query(description="Only items of this status.")] = None,
        after: Annotated[
            int, Query(ge=-1, le=live.LARGEST_ID, description="Only items after this one.")
        ] = -1,
        limit: Annotated[int, Query(ge=1, le=MOST, description="Items in one answer.")] = 20,
    ) -> BatchItemsView:
        """Show the items of a batch: their jobs, and the pictures that were refused."""
        parameters.query(request, "status", "after", "limit")
        found = await self.batches.items(batch_id, caller, after, limit, status or "")
        return _items(found, limit)

    async def cancel(self, batch_id: _BatchId, caller: Caller) -> BatchView:
        """Cancel every job of the batch that has not ended."""
        return batch_view(await self.batches.cancel(batch_id, caller))

    async def replay(self, request: Request, batch_id: _BatchId, caller: Caller) -> Response:
        """Do the failed jobs again, as a new batch that names this one."""
        jobs = self.batches.jobs
        with once.entered(request, caller, jobs.database, jobs.running) as entry:
            meaning = once.meaning_of(request)
            if known := await entry.known(meaning):
                return await self._again(request, known, caller)
            keep, note = _kept(entry, meaning), noting(request, caller, "batch.replayed", put)

            def kept(connection: Connection, batch: Batch) -> None:
                keep(connection, batch)
                note(connection, batch_id)

            batch = await self.batches.replay(batch_id, caller, kept)
            return await self._about(request, batch, caller)

    async def _submitted(
        self,
        request: Request,
        caller: Identity,
        entry: once.Entry,
        meaning: str,
        wish: BatchWish,
        carried: Intakes | None = None,
    ) -> Response:
        if known := await entry.known(meaning):
            return await self._again(request, known, caller)
        batch = await self.batches.accept(wish, caller, _kept(entry, meaning), carried)
        return await self._about(request, batch, caller)

    async def _again(self, request: Request, known: Remembered, caller: Identity) -> Response:
        if not live.preferred_wait_s(request):
            return known.answer()
        batch = (await self.batches.get(known.made, caller)).batch
        answer = await self._about(request, batch, caller)
        answer.headers[REPLAYED] = "true"
        return answer

    async def _about(self, request: Request, batch: Batch, caller: Identity) -> Response:
        wait_s = live.preferred_wait_s(request)
        state = BatchState(batch, 0)
        if wait_s:
            state = await self.batches.wait(batch.id, caller, wait_s)
        is_told = wait_s > 0 and state.batch.finished_at is not None
        answer = json_answer(batch_view(state), HTTPStatus.OK if is_told else HTTPStatus.ACCEPTED)
        answer.headers["location"] = _url(batch)
        if is_told:
            answer.headers["preference-applied"] = "wait"
        return answer

    async def _take_in(self, request: Request, caller: Identity) -> Intakes:
        jobs = self.batches.jobs
        await jobs.check_room(caller)
        names = ("content-type", "content-length")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        return await jobs.uploads.take_in_many(body_stream(request), headers, caller=caller)


def _kept(entry: once.Entry, meaning: str) -> KeepBatch:
    def keep(connection: Any, batch: Batch) -> None:  # noqa: ANN401 - as `KeepBatch` says
        body = batch_view(BatchState(batch, 0)).model_dump_json()
        told = entry.keeping(meaning, HTTPStatus.ACCEPTED, lambda _: (batch.id, _url(batch), body))
        told(connection, ())

    return keep


def _field(carried: Intakes) -> dict[str, Any]:
    fields = dict(carried.fields)
    text = fields.pop("batch", None)
    parameters.refuse_unknown(fields)
    try:
        value = value_of(text) if text is not None else None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        problem_ = FieldError("batch", "is to be a JSON object that names the outputs.")
        raise InvalidRequest("The batch cannot be read.", errors=[problem_])
    return value


def _url(batch: Batch) -> str:
    return f"/api/v1/batches/{batch.id}"


def batch_view(state: BatchState) -> BatchView:
    """Show a batch to its owner."""
    batch = state.batch
    return BatchView(
        batch_id=batch.id,
        status=_status(batch),
        total=batch.total,
        queued=max(0, batch.total - batch.ended - state.processing),
        processing=state.processing,
        completed=batch.completed,
        failed=batch.failed,
        cancelled=batch.cancelled,
        replay_of=batch.replay_of,
        created_at=time_of(batch.created_at),
        finished_at=time_of(batch.finished_at) if batch.finished_at else None,
        url=_url(batch),
    )


def _status(batch: Batch) -> BatchStatus:
    if batch.finished_at is None:
        return BatchStatus.PROCESSING
    if batch.completed == batch.total:
        return BatchStatus.COMPLETED
    if batch.completed:
        return BatchStatus.PARTIAL
    return BatchStatus.CANCELLED if batch.cancelled else BatchStatus.FAILED


def _items(found: BatchItems, limit: int) -> BatchItemsView:
    """Put jobs and refusals in one order and cut at the limit."""
    positions = sorted(
        [each.place.position or 0 for each in found.jobs]
        + [each.position for each in found.refusals]
    )
    last = positions[limit - 1] if len(positions) >= limit else None
    shown = [each for each in found.jobs if last is None or (each.place.position or 0) <= last]
    refused = [
        RefusedItem(position=each.position, name=each.name, error=dict(each.error))
        for each in found.refusals
        if last is None or each.position <= last
    ]
    return BatchItemsView(jobs=[job_view(each) for each in shown], refused=refused, next=last)
