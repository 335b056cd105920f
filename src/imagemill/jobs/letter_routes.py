"""Dead letters over HTTP: look at them, replay them, or discard them; one, many, or all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import Depends, FastAPI, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imagemill.audit import Note, noting
from imagemill.audit.records import put
from imagemill.contracts.identity import Identity
from imagemill.contracts.scopes import OPERATE
from imagemill.database import Connection
from imagemill.errors import FieldError, Forbidden, ImagemillError, InvalidRequest
from imagemill.jobs import openapi, parameters
from imagemill.jobs.job import DeadLetter, Job
from imagemill.jobs.records.letters import LetterListing
from imagemill.jobs.replays import LetterDetails
from imagemill.jobs.views import AttemptView, JobView, attempt_view, job_view, time_of
from imagemill.pipeline import field_errors
from imagemill.web import Caller, only_query
from imagemill.web.openapi import Described, problem
from imagemill.web.paging import MOST, cursor_of, place_of
from imagemill.web.reading import json_object

if TYPE_CHECKING:
    from imagemill.jobs.routes import Public

_FILTERS: Final = ("state", "reason", "operation", "since", "until", "limit", "cursor")
_REPLAYED: Final = "letter.replayed"
_DISCARDED: Final = "letter.discarded"
_MOST_AT_ONCE: Final = 1000
"""Letters that one request can decide about."""
_LetterId = Annotated[str, Path(description="Id of the dead letter, which is its job's.")]
State = Literal["waiting", "replayed", "discarded"]
# Not a union of two: an error would name both in the place of the parameter.
_StateOrAny = Literal["waiting", "replayed", "discarded", "any"]


class LetterView(BaseModel):
    """A job whose tries are used up; it waits for a person."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="The job's id, too.")
    owner: str = Field(description="The account whose job it is.", examples=["admin"])
    reason: str = Field(description="Code of the last error.", examples=["decoder_crashed"])
    operation: str = Field(description="The job's type.", examples=["resize"])
    state: State
    replayed_as: str | None = Field(description="The job that does it again, once there is one.")
    at: datetime = Field(description="When the tries were used up.")


class LetterPicture(BaseModel):
    """What is known of the picture that the job was about."""

    image_id: str
    format: str
    width: int
    height: int
    frames: int
    size_bytes: int
    sha256: str
    name: str | None


class LetterDetailsView(LetterView):
    """A dead letter with all that is needed to decide about it."""

    job: JobView
    attempts: list[AttemptView]
    image: LetterPicture | None = Field(description="The original; null when it was deleted.")


class LetterList(BaseModel):
    """Some dead letters, the newest first."""

    dead_letters: list[LetterView]
    next: str | None = Field(description="`cursor` of the next request; null at the end.")


class LettersRequest(BaseModel):
    """Which dead letters to decide about: by id, or all that wait and fit a filter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: list[str] | None = Field(default=None, min_length=1, max_length=_MOST_AT_ONCE)
    all: bool = Field(default=False, description="Every waiting letter that fits, 1,000 at a time.")
    reason: str = Field(default="", max_length=64, description="Only letters for this reason.")
    operation: str = Field(default="", max_length=64, description="Only letters about this type.")
    since: datetime | None = Field(default=None, description="Only letters from this time on.")
    until: datetime | None = Field(default=None, description="Only letters before this time.")


class Decided(BaseModel):
    """What became of one letter."""

    id: str
    job_id: str | None = Field(default=None, description="The new job, where it was replayed.")
    code: str | None = Field(default=None, description="Why nothing was done, as an error's code.")
    detail: str | None = None


class DecidedList(BaseModel):
    """What became of each letter; `more` says that others fit the filter, too."""

    decided: list[Decided]
    more: bool


def add_letters(app: FastAPI, public: Public) -> None:
    """Let an app answer about dead letters."""
    letters = _Letters(public)
    at = "/api/v1/dead-letters"
    plain: dict[str, Any] = {
        "tags": ["dead letters"],
        "dependencies": [only_query("owner", "all")],
    }
    gone: Described = {409: problem("The letter was replayed or discarded before.")}
    many: dict[str, Any] = {**plain, "openapi_extra": _body_of(LettersRequest)}
    app.state.schemas.update({"LettersRequest": LettersRequest.model_json_schema()})
    app.get(at, response_model=LetterList, tags=["dead letters"])(letters.listed)
    app.post(f"{at}/replay", response_model=DecidedList, **many)(letters.replay_many)
    app.post(f"{at}/discard", response_model=DecidedList, **many)(letters.discard_many)
    app.get(f"{at}/{{letter_id}}", response_model=LetterDetailsView, **plain)(letters.show)
    app.post(f"{at}/{{letter_id}}/replay", **{**openapi.REPLAY, **plain, "name": "replay_letter"})(
        letters.replay
    )
    app.delete(f"{at}/{{letter_id}}", status_code=HTTPStatus.NO_CONTENT, responses=gone, **plain)(
        letters.discard
    )


def _wanted(
    request: Request,
    state: Annotated[_StateOrAny, Query(description="Letters in this state.")] = "waiting",
    reason: Annotated[str, Query(max_length=64, description="Only for this reason.")] = "",
    operation: Annotated[str, Query(max_length=64, description="Only about this type.")] = "",
    since: Annotated[datetime | None, Query(description="Only from this time on.")] = None,
    until: Annotated[datetime | None, Query(description="Only before this time.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Letters in one answer.")] = 20,
    cursor: Annotated[str, Query(max_length=200, description="`next` of the answer before.")] = "",
) -> LetterListing:
    parameters.query(request, *_FILTERS, "owner", "all")
    before, before_id = place_of(cursor)
    return LetterListing(
        limit=limit,
        state="" if state == "any" else state,
        reason=reason,
        type=operation,
        since=since.timestamp() if since else 0.0,
        until=until.timestamp() if until else float("inf"),
        before=before,
        before_id=before_id,
    )


@dataclass(frozen=True, slots=True)
class _Whose:
    """Whose dead letters are meant."""

    account: str | None
    """None for everybody's."""
    is_for_others: bool
    """Whether an operator asks beyond what is his own."""


def _whose(
    caller: Caller,
    owner: Annotated[
        str, Query(max_length=100, description="For operators: the letters of this account.")
    ] = "",
    *,
    all: Annotated[bool, Query(description="For operators: the letters of everybody.")] = False,  # noqa: A002 - the parameter's name in the query
) -> _Whose:
    if not owner and not all:
        return _Whose(caller.account, is_for_others=False)
    if not caller.may(OPERATE):
        raise Forbidden(f"The letters of others need the scope {OPERATE}; leave the query out.")
    if owner and all:
        problem_ = FieldError("owner", "is given beside `all`; give one of the two.")
        raise InvalidRequest("It is not said whose letters are meant.", errors=[problem_])
    return _Whose(owner or None, is_for_others=True)


_WhoseAsked = Annotated[_Whose, Depends(_whose)]


@dataclass(frozen=True, slots=True)
class _Letters:
    public: Public

    async def listed(
        self, wanted: Annotated[LetterListing, Depends(_wanted)], whose: _WhoseAsked
    ) -> LetterList:
        """List the caller's dead letters, the newest first; for operators, those of others."""
        found = await self.public.replays.letters(whose.account, wanted)
        shown = found[: wanted.limit]
        goes_on = len(found) > wanted.limit
        following = cursor_of(shown[-1].at, shown[-1].job_id) if goes_on else None
        return LetterList(dead_letters=[_view(each) for each in shown], next=following)

    async def show(self, letter_id: _LetterId, whose: _WhoseAsked) -> LetterDetailsView:
        """Show a dead letter: every attempt with its error, and the facts of the picture."""
        owner = await self._owner(letter_id, whose)
        return _details(await self.public.replays.letter(letter_id, owner))

    async def replay(
        self, request: Request, letter_id: _LetterId, caller: Caller, whose: _WhoseAsked
    ) -> Response:
        """Do a dead letter's job again, as a new job that names the old one.

        A letter is replayed once; a second time is refused. What an operator replays belongs to
        the letter's owner, and is answered at once, without waiting.
        """
        owner = await self._owner(letter_id, whose)
        for_owner = owner if whose.is_for_others else None
        return await self.public.replayed(request, letter_id, caller, _REPLAYED, for_owner)

    async def discard(
        self, request: Request, letter_id: _LetterId, caller: Caller, whose: _WhoseAsked
    ) -> None:
        """Decide that a dead letter stays as it is; its job stays failed."""
        owner = await self._owner(letter_id, whose)
        note = noting(request, caller, _DISCARDED, put)
        await self.public.replays.discard(letter_id, owner, note)

    async def replay_many(
        self, request: Request, caller: Caller, whose: _WhoseAsked
    ) -> DecidedList:
        """Replay many dead letters, or all that fit a filter, 1,000 at a time."""
        note = noting(request, caller, _REPLAYED, put)

        async def replayed(letter_id: str, owner: Identity) -> str | None:
            by = owner if whose.is_for_others else caller
            keep = partial(_noted, note, letter_id)
            return (await self.public.replays.job(letter_id, by, keep)).id

        return await self._decided(request, whose, replayed)

    async def discard_many(
        self, request: Request, caller: Caller, whose: _WhoseAsked
    ) -> DecidedList:
        """Discard many dead letters, or all that fit a filter, 1,000 at a time."""
        note = noting(request, caller, _DISCARDED, put)

        async def discarded(letter_id: str, owner: Identity) -> str | None:
            await self.public.replays.discard(letter_id, owner, note)
            return None

        return await self._decided(request, whose, discarded)

    async def _decided(
        self,
        request: Request,
        whose: _Whose,
        decide: Callable[[str, Identity], Awaitable[str | None]],
    ) -> DecidedList:
        ids, more = await self._meant(_read(await json_object(request)), whose)
        decided = []
        for letter_id in ids:
            try:
                owner = await self._owner(letter_id, whose)
                decided.append(Decided(id=letter_id, job_id=await decide(letter_id, owner)))
            except ImagemillError as error:
                decided.append(Decided(id=letter_id, code=error.code, detail=error.message))
        return DecidedList(decided=decided, more=more)

    async def _meant(self, asked: LettersRequest, whose: _Whose) -> tuple[list[str], bool]:
        if asked.ids is not None:
            return list(dict.fromkeys(asked.ids)), False
        wanted = LetterListing(
            limit=_MOST_AT_ONCE,
            reason=asked.reason,
            type=asked.operation,
            since=asked.since.timestamp() if asked.since else 0.0,
            until=asked.until.timestamp() if asked.until else float("inf"),
        )
        found = await self.public.replays.letters(whose.account, wanted)
        return [each.job_id for each in found[:_MOST_AT_ONCE]], len(found) > _MOST_AT_ONCE

    async def _owner(self, letter_id: str, whose: _Whose) -> Identity:
        return await self.public.replays.owner(letter_id, whose.account)


def _noted(note: Note, letter_id: str, connection: Connection, _: Sequence[Job]) -> None:
    note(connection, letter_id)


def _read(value: dict[str, Any]) -> LettersRequest:
    try:
        asked = LettersRequest.model_validate(value)
    except ValidationError as error:
        raise InvalidRequest("Nothing was decided.", errors=field_errors(error)) from error
    if (asked.ids is None) == (not asked.all):
        problem_ = FieldError("ids", "is given, or `all` is true; one of the two.")
        raise InvalidRequest("It is not said which letters are meant.", errors=[problem_])
    return asked


def _view(letter: DeadLetter) -> LetterView:
    return LetterView(**_shown(letter))


def _details(found: LetterDetails) -> LetterDetailsView:
    image = found.image
    picture = image and LetterPicture(
        image_id=image.image_id,
        format=image.facts.format,
        width=image.facts.width,
        height=image.facts.height,
        frames=image.facts.frames,
        size_bytes=image.size_bytes,
        sha256=image.sha256,
        name=image.name,
    )
    return LetterDetailsView(
        **_shown(found.letter),
        job=job_view(found.job),
        attempts=[attempt_view(each) for each in found.attempts],
        image=picture,
    )


def _shown(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.job_id,
        "owner": letter.owner,
        "reason": letter.reason,
        "operation": letter.type,
        "state": letter.state,
        "replayed_as": letter.replayed_as,
        "at": time_of(letter.at),
    }


def _body_of(model: type[BaseModel]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
