"""Presets over HTTP."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import FastAPI, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from imagemill.audit import noting
from imagemill.audit.records import put
from imagemill.database import Connection
from imagemill.errors import FieldError, InvalidRequest
from imagemill.idempotency import Running
from imagemill.jobs import once, parameters
from imagemill.jobs.preset_service import Presets
from imagemill.jobs.presets import LARGEST_VERSION, Preset, PresetRequest, draft_of, is_name
from imagemill.web import NO_QUERY, Caller
from imagemill.web.answers import json_answer
from imagemill.web.openapi import (
    BODY_TOO_LARGE,
    IDEMPOTENCY_KEY,
    json_body,
    location,
    problem,
    schemas_of,
)
from imagemill.web.reading import json_object

_MOST: Final = 100
_Name = Annotated[str, Path(description="Name of the preset.", examples=["card"])]
_Version = Annotated[
    int | None, Query(ge=1, le=LARGEST_VERSION, description="A version; the newest if left out.")
]
_Limit = Annotated[int, Query(ge=1, le=_MOST, description="Entries in one answer.")]
_Cursor = Annotated[
    str, Query(max_length=200, description="`next` of the answer before; the start if empty.")
]


class PresetView(BaseModel):
    """One version of a preset."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(examples=["card"])
    version: int = Field(description="Only grows; a version never changes.", examples=[2])
    steps: list[dict[str, Any]] = Field(
        description="The pipeline with every default filled in.",
        examples=[[{"op": "resize", "width": 400}, {"op": "convert", "format": "webp"}]],
    )
    description: str = Field(description="What the preset is for, all versions of it.")
    created_at: datetime = Field(description="When this version was made.")


class PresetList(BaseModel):
    """Some of the caller's presets, or some versions of one."""

    model_config = ConfigDict(frozen=True)

    presets: list[PresetView]
    next: str | None = Field(
        description="Where the list goes on: `cursor` of the next request; null at the end."
    )


def add_presets(app: FastAPI, presets: Presets, running: Running) -> None:
    """Let an app keep presets."""
    routes = _Routes(presets, running)
    plain: dict[str, Any] = {"tags": ["presets"], "dependencies": [NO_QUERY]}
    paged: dict[str, Any] = {"tags": ["presets"], "response_model": PresetList}
    one = "/api/v1/presets/{name}"
    app.state.schemas.update(schemas_of(PresetRequest))
    app.post("/api/v1/presets", **_SAVE, **plain)(routes.save)
    app.get("/api/v1/presets", **paged)(routes.list)
    app.get(one, response_model=PresetView, tags=["presets"])(routes.show)
    app.get(f"{one}/versions", **paged)(routes.versions)
    app.delete(one, status_code=HTTPStatus.NO_CONTENT, **plain)(routes.remove)


@dataclass(frozen=True, slots=True)
class _Routes:
    presets: Presets
    running: Running

    async def save(self, request: Request, caller: Caller) -> Response:
        """Make a preset or, where the name is taken by one of yours, its next version.

        The steps of the newest version once more make no new one; a new description is taken over.
        """
        value = await json_object(request)
        draft = draft_of(value)
        meaning = once.meaning_of(request, value)
        with once.entered(request, caller, self.presets.database, self.running) as entry:
            if known := await entry.known(meaning):
                return known.answer()

            def keep(connection: Connection, preset: Preset, is_new: bool) -> None:  # noqa: FBT001 - as `Also` says
                body = _view(preset).model_dump_json()
                entry.remember(
                    connection, meaning, _status(is_new), preset.name, _url(preset), body
                )

            preset, is_new = await self.presets.save(caller.account, draft, keep)
        answer = json_answer(_view(preset), _status(is_new))
        answer.headers["location"] = _url(preset)
        return answer

    async def list(
        self, request: Request, caller: Caller, limit: _Limit = 20, cursor: _Cursor = ""
    ) -> Response:
        """List the caller's presets in the order of their names, each in its newest version."""
        parameters.query(request, "limit", "cursor")
        after = _read(cursor) if cursor else ""
        if cursor and not is_name(after):
            raise _no_cursor()
        found = await self.presets.listed(caller.account, after, limit + 1)
        return json_answer(_page(found, limit, [each.name for each in found]))

    async def show(
        self, request: Request, name: _Name, caller: Caller, version: _Version = None
    ) -> Response:
        """Show a preset, in its newest version or in another."""
        parameters.query(request, "version")
        return json_answer(_view(await self.presets.get(caller.account, name, version)))

    async def versions(
        self,
        request: Request,
        name: _Name,
        caller: Caller,
        limit: _Limit = 20,
        cursor: _Cursor = "",
    ) -> Response:
        """List the versions of a preset, the newest first."""
        parameters.query(request, "limit", "cursor")
        before = _version(_read(cursor)) if cursor else None
        found = await self.presets.versions(caller.account, name, before, limit + 1)
        return json_answer(_page(found, limit, [str(each.version) for each in found]))

    async def remove(self, request: Request, name: _Name, caller: Caller) -> Response:
        """Remove a preset with all its versions; jobs that were accepted keep their steps.

        A preset that is made again under the name goes on with the next version.
        """
        note = noting(request, caller, "preset.deleted", put)
        await self.presets.remove(caller.account, name, note)
        return Response(status_code=HTTPStatus.NO_CONTENT)


_SAVE: Final[dict[str, Any]] = {
    "status_code": HTTPStatus.CREATED,
    "response_model": PresetView,
    "responses": {
        200: {
            "model": PresetView,
            "description": "The newest version has these very steps; there is no new one.",
            "headers": location("The version."),
        },
        201: {
            "description": "There is a new version.",
            "headers": location("The new version."),
        },
        409: problem("There are as many presets, or versions of this one, as there may be."),
        413: BODY_TOO_LARGE,
    },
    "openapi_extra": {
        "parameters": [IDEMPOTENCY_KEY],
        **json_body(PresetRequest),
    },
}


def _view(preset: Preset) -> PresetView:
    return PresetView(
        name=preset.name,
        version=preset.version,
        steps=preset.steps,
        description=preset.description,
        created_at=datetime.fromtimestamp(preset.created_at, UTC),
    )


def _page(found: list[Preset], limit: int, places: list[str]) -> PresetList:
    """Make a page; one more than asked for means that the list goes on after the last shown."""
    goes_on = len(found) > limit
    return PresetList(
        presets=[_view(each) for each in found[:limit]],
        next=base64.urlsafe_b64encode(places[limit - 1].encode()).decode() if goes_on else None,
    )


def _read(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor.encode()).decode()
    except ValueError as error:
        raise _no_cursor() from error


def _version(place: str) -> int:
    if re.fullmatch(r"[1-9][0-9]{0,8}", place) is None:
        raise _no_cursor()
    return int(place)


def _no_cursor() -> InvalidRequest:
    problem_with_it = FieldError("cursor", "is not one that an answer gave.")
    return InvalidRequest("The list cannot go on from there.", errors=[problem_with_it])


def _status(is_new: bool) -> HTTPStatus:  # noqa: FBT001 - what is told, not a choice
    return HTTPStatus.CREATED if is_new else HTTPStatus.OK


def _url(preset: Preset) -> str:
    return f"/api/v1/presets/{preset.name}?version={preset.version}"
