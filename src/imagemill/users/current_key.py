"""The key that is calling: shown, and set, by whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from imagemill.contracts.identity import Identity
from imagemill.database import Connection, Database
from imagemill.errors import Forbidden
from imagemill.users.key import Key, KeyChange, change_of, changed
from imagemill.users.records import keys as records
from imagemill.web import NO_QUERY, Caller
from imagemill.web.answers import json_answer
from imagemill.web.openapi import REF_TEMPLATE, problem, schemas_of
from imagemill.web.reading import json_object

_PATH: Final = "/api/v1/api-keys/current"


class KeyView(BaseModel):
    """A key, without what makes it one."""

    model_config = ConfigDict(frozen=True)

    key_id: str = Field(description="Names the key.", examples=["3f9c2a17d05b86e4"])
    account: str = Field(description="Whose it is.", examples=["admin"])
    name: str = Field(examples=["admin-key"])
    scopes: list[str] = Field(description="What it may do; `*` is everything.", examples=[["*"]])
    max_retries: int | None = Field(
        description="Tries after the first for its jobs; null where the server's setting counts.",
        examples=[2],
    )
    timeout_s: float | None = Field(
        description="Seconds for one attempt at its jobs; null where the server's setting counts.",
        examples=[30],
    )
    created_at: datetime


def add_current_key(app: FastAPI, database: Database) -> None:
    """Let an app show and set the key that is calling."""
    routes = _Routes(database)
    told: dict[str, Any] = {
        "response_model": KeyView,
        "tags": ["keys"],
        "dependencies": [NO_QUERY],
    }
    app.state.schemas.update(schemas_of(KeyChange))
    app.get(_PATH, **told)(routes.show)
    app.patch(_PATH, **_CHANGE, **told)(routes.change)


@dataclass(frozen=True, slots=True)
class _Routes:
    database: Database

    async def show(self, caller: Caller) -> Response:
        """Show the key that is calling, and what is set for its jobs."""
        account, key_id = _shown(caller)
        key = await self.database.read(lambda each: records.key_of(each, account, key_id))
        return json_answer(_view(key))

    async def change(self, request: Request, caller: Caller) -> Response:
        """Set how often and how long the jobs of the calling key are tried.

        Fields that are left out stay as they are; null goes back to the server's setting. Jobs
        that were accepted before keep what counted then.
        """
        account, key_id = _shown(caller)
        change = change_of(await json_object(request))

        def unit(connection: Connection) -> Key:
            key = changed(records.key_of(connection, account, key_id), change)
            records.write(connection, key)
            return key

        return json_answer(_view(await self.database.run(unit)))


_CHANGE: Final[dict[str, Any]] = {
    "responses": {413: problem("The body has too many bytes; `limit` says how many it may have.")},
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": REF_TEMPLATE.format(model=KeyChange.__name__)}
                }
            },
        }
    },
}


def _shown(caller: Identity) -> tuple[str, str]:
    if caller.key_id is None:
        raise Forbidden("This route is for who shows an API key; a process has none.")
    return caller.account, caller.key_id


def _view(key: Key) -> KeyView:
    return KeyView(
        key_id=key.key_id,
        account=key.account,
        name=key.name,
        scopes=sorted(key.scopes),
        max_retries=key.max_retries,
        timeout_s=key.timeout_s,
        created_at=datetime.fromtimestamp(key.created_at, UTC),
    )
