"""API keys over HTTP: made, listed, changed, given new secrets, revoked."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import FastAPI, Path, Query, Request, Response

from imagemill.audit import noting
from imagemill.contracts.identity import Identity
from imagemill.contracts.users import FORGET
from imagemill.idempotency import Running
from imagemill.idempotency.entry import Entry, entered, meaning_of
from imagemill.users.key import Key, KeyPatch, KeyRequest, RotateRequest, patch_of, request_of
from imagemill.users.key_views import KeyList, KeyMade, KeyView, key_made, key_view
from imagemill.users.keys import Keep, Keys
from imagemill.users.records import audit
from imagemill.web import NO_QUERY, Caller, only_query
from imagemill.web.answers import json_answer, untold
from imagemill.web.openapi import (
    BODY_TOO_LARGE,
    IDEMPOTENCY_KEY,
    REPLAYED,
    json_body,
    location,
    problem,
    schemas_of,
)
from imagemill.web.paging import MOST, cursor_of, place_of
from imagemill.web.reading import json_object, model_of

_PATH: Final = "/api/v1/api-keys"
_KeyId = Annotated[str, Path(max_length=64, description="Id of the key, not the key itself.")]
_Limit = Annotated[int, Query(ge=1, le=MOST, description="Keys in one answer.")]
_Cursor = Annotated[
    str, Query(max_length=200, description="`next` of the answer before; the start if empty.")
]


def add_keys(app: FastAPI, keys: Keys) -> None:
    """Let an app keep API keys."""
    routes = _Routes(keys)
    one = f"{_PATH}/{{key_id}}"
    plain: dict[str, Any] = {"tags": ["keys"], "dependencies": [NO_QUERY]}
    paged: dict[str, Any] = {"tags": ["keys"], "dependencies": [only_query("limit", "cursor")]}
    app.state.schemas.update(schemas_of(KeyRequest, KeyPatch, RotateRequest))
    app.post(_PATH, **_MAKE, **plain)(routes.make)
    app.get(_PATH, response_model=KeyList, **paged)(routes.list)
    app.get(one, response_model=KeyView, **plain)(routes.show)
    app.patch(one, response_model=KeyView, **_CHANGE, **plain)(routes.change)
    app.delete(one, status_code=HTTPStatus.NO_CONTENT, response_class=Response, **plain)(
        routes.revoke
    )
    app.post(f"{one}/rotate", **_ROTATE, **plain)(routes.rotate)


@dataclass(frozen=True, slots=True)
class _Routes:
    keys: Keys
    running: Running = field(default_factory=Running)

    async def make(self, request: Request, caller: Caller) -> Response:
        """Make a key, and show it this once.

        It can do no more than the caller, belongs to the caller's account and ends no later than
        the key that makes it. A key that has a rate or a quota of its own makes none.
        """
        value = await json_object(request)
        wanted = request_of(value)
        note = noting(request, caller, "key.created", audit.add)
        with entered(request, caller, self.keys.database, self.running) as entry:
            meaning = meaning_of(request, value)
            if known := await entry.known(meaning):
                return known.answer()
            keep = _keeping(entry, meaning, HTTPStatus.CREATED)
            key, secret = await self.keys.make(caller, wanted, note, keep)
        answer = json_answer(key_made(key, secret), HTTPStatus.CREATED)
        answer.headers["location"] = _url(key)
        return untold(answer)

    async def list(self, caller: Caller, limit: _Limit = 20, cursor: _Cursor = "") -> Response:
        """List the account's keys that are not revoked, the newest first."""
        found = await self.keys.listed(caller.account, *place_of(cursor), limit + 1)
        shown = found[:limit]
        goes_on = len(found) > limit
        following = cursor_of(shown[-1].created_at, shown[-1].key_id) if goes_on else None
        return json_answer(KeyList(keys=[key_view(each) for each in shown], next=following))

    async def show(self, key_id: _KeyId, caller: Caller) -> Response:
        """Show a key of the account, a revoked one too."""
        return json_answer(key_view(await self.keys.get(caller.account, key_id)))

    async def change(self, request: Request, key_id: _KeyId, caller: Caller) -> Response:
        """Change a key's name, scopes, limits or end.

        Fields that are left out stay as they are; null goes back to the server's setting.
        """
        patch = patch_of(await json_object(request))
        note = noting(request, caller, "key.changed", audit.add)
        key = await self.keys.change(caller, key_id, patch, note)
        return _forgetting(json_answer(key_view(key)), key)

    async def revoke(self, request: Request, key_id: _KeyId, caller: Caller) -> Response:
        """End a key for good; a second time changes nothing.

        The gateway that is asked refuses it at once, others when they look it up anew.
        """
        note = noting(request, caller, "key.revoked", audit.add)
        key = await self.keys.revoke(caller, key_id, note)
        return _forgetting(Response(status_code=HTTPStatus.NO_CONTENT), key)

    async def rotate(self, request: Request, key_id: _KeyId, caller: Caller) -> Response:
        """Give a key a new secret, and show it this once.

        The old one opens for `overlap_s` seconds as well, so that programs can change over.
        """
        value = await json_object(request)
        wanted = model_of(RotateRequest, value, "The key cannot be rotated so.")
        with entered(request, caller, self.keys.database, self.running) as entry:
            meaning = meaning_of(request, value)
            if known := await entry.known(meaning):
                return known.answer()
            return await self._rotated(request, caller, key_id, wanted, entry, meaning)

    async def _rotated(
        self,
        request: Request,
        caller: Identity,
        key_id: str,
        wanted: RotateRequest,
        entry: Entry,
        meaning: str,
    ) -> Response:
        note = noting(request, caller, "key.rotated", audit.add)
        before = await self.keys.get(caller.account, key_id)
        keep = _keeping(entry, meaning, HTTPStatus.OK)
        key, secret = await self.keys.rotate(caller, key_id, wanted.overlap_s, note, keep)
        answer = untold(json_answer(key_made(key, secret)))
        return _forgetting(answer, before, key)


def _keeping(entry: Entry, meaning: str, status: HTTPStatus) -> Keep:
    """Remember an answer without the secret in it."""

    def told(key: Key) -> tuple[str, str, str]:
        return key.key_id, _url(key), key_made(key, None).model_dump_json()

    return entry.keeping(meaning, status, told)


def _forgetting(answer: Response, *keys: Key) -> Response:
    """Let the gateway look the secrets of keys up anew."""
    digests = dict.fromkeys(digest for key in keys for digest in key.digests)
    answer.headers[FORGET] = ",".join(digests)
    return answer


def _url(key: Key) -> str:
    return f"{_PATH}/{key.key_id}"


_MAKE: Final[dict[str, Any]] = {
    "status_code": HTTPStatus.CREATED,
    "response_model": KeyMade,
    "responses": {
        201: {"description": "The key.", "headers": location("Where the key is.") | REPLAYED},
        409: problem("The account has as many keys as it may have, or the request is running."),
        413: BODY_TOO_LARGE,
    },
    "openapi_extra": {"parameters": [IDEMPOTENCY_KEY], **json_body(KeyRequest)},
}
_CHANGE: Final[dict[str, Any]] = {
    "responses": {409: problem("The key was revoked."), 413: BODY_TOO_LARGE},
    "openapi_extra": json_body(KeyPatch),
}
_ROTATE: Final[dict[str, Any]] = {
    "response_model": KeyMade,
    "responses": {
        200: {"description": "The key with its new secret.", "headers": REPLAYED},
        409: problem("The key was revoked, or is the generated one, or the request is running."),
        413: BODY_TOO_LARGE,
    },
    "openapi_extra": {"parameters": [IDEMPOTENCY_KEY], **json_body(RotateRequest)},
}
