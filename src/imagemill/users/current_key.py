"""The key that is calling: shown, and set, by whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI, Request, Response

from imagemill.audit import noting
from imagemill.contracts.identity import Identity
from imagemill.contracts.users import FORGET
from imagemill.errors import Forbidden
from imagemill.users.key import KeyChange, change_of
from imagemill.users.key_views import KeyView, key_view
from imagemill.users.keys import Keys
from imagemill.users.records import audit
from imagemill.web import NO_QUERY, Caller
from imagemill.web.answers import json_answer
from imagemill.web.openapi import BODY_TOO_LARGE, json_body, schemas_of
from imagemill.web.reading import json_object

_PATH: Final = "/api/v1/api-keys/current"


def add_current_key(app: FastAPI, keys: Keys) -> None:
    """Let an app show and set the key that is calling."""
    routes = _Routes(keys)
    told: dict[str, Any] = {
        "response_model": KeyView,
        "tags": ["keys"],
        "dependencies": [NO_QUERY],
    }
    app.state.schemas.update(schemas_of(KeyChange))
    app.get(_PATH, name="show_current", **told)(routes.show)
    app.patch(_PATH, name="change_current", **_CHANGE, **told)(routes.change)


@dataclass(frozen=True, slots=True)
class _Routes:
    keys: Keys

    async def show(self, caller: Caller) -> Response:
        """Show the key that is calling, and what is set for its jobs."""
        return json_answer(key_view(await self.keys.get(*_shown(caller))))

    async def change(self, request: Request, caller: Caller) -> Response:
        """Set how often and how long the jobs of the calling key are tried.

        Fields that are left out stay as they are; null goes back to the server's setting. Jobs
        that were accepted before keep what counted then.
        """
        _, key_id = _shown(caller)
        change = change_of(await json_object(request))
        note = noting(request, caller, "key.changed", audit.add)
        key = await self.keys.set_own(caller, key_id, change, note)
        answer = json_answer(key_view(key))
        answer.headers[FORGET] = ",".join(key.digests)
        return answer


_CHANGE: Final[dict[str, Any]] = {
    "responses": {413: BODY_TOO_LARGE},
    "openapi_extra": json_body(KeyChange),
}


def _shown(caller: Identity) -> tuple[str, str]:
    if caller.key_id is None:
        raise Forbidden("This route is for who shows an API key; others have none.")
    return caller.account, caller.key_id
