"""The audit log over HTTP: handed in by services, shown to admins and to each account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from imagemill.contracts.identity import Identity
from imagemill.contracts.users import AuditEntries, AuditEntry
from imagemill.users.audit import Audit
from imagemill.users.key import time_of
from imagemill.users.records.audit import Wanted
from imagemill.web import Caller, only_query
from imagemill.web.answers import json_answer
from imagemill.web.internal import answer_processes, asked
from imagemill.web.paging import MOST, cursor_of, place_of

_FILTERS: Final = ("action", "since", "until", "limit", "cursor")


class AuditEntryView(BaseModel):
    """Who did what, to what, from where."""

    model_config = ConfigDict(frozen=True)

    id: str
    at: datetime
    account: str = Field(description="Who did it; empty for a stranger.", examples=["admin"])
    key_id: str | None = Field(description="The key that was shown; null for who logged in.")
    address: str = Field(description="Where the request came from.", examples=["203.0.113.7"])
    action: str = Field(examples=["key.revoked"])
    subject: str = Field(description="Id of what it was done to.")
    request_id: str


class AuditList(BaseModel):
    """Some entries of the audit log, the newest first."""

    model_config = ConfigDict(frozen=True)

    entries: list[AuditEntryView]
    next: str | None = Field(description="`cursor` of the next request; null at the end.")


def add_audit(app: FastAPI, audit: Audit) -> None:
    """Let an app take entries in, and show them."""
    routes = _Routes(audit)
    everybody: dict[str, Any] = {"dependencies": [only_query("account", *_FILTERS)]}
    own: dict[str, Any] = {"dependencies": [only_query(*_FILTERS)]}
    told: dict[str, Any] = {"response_model": AuditList, "name": "audit"}
    answer_processes(app, "POST", "/internal/audit", routes.take)
    app.get("/api/v1/audit", tags=["admins"], **everybody, **told)(routes.show)
    app.get("/api/v1/users/me/audit", tags=["account"], **own, **told)(routes.show_own)


def _wanted(
    action: Annotated[str, Query(max_length=64, description="Only this action.")] = "",
    since: Annotated[AwareDatetime | None, Query(description="Only from this time on.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Only before this time.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="Entries in one answer.")] = 20,
    cursor: Annotated[str, Query(max_length=200, description="`next` of the answer before.")] = "",
) -> Wanted:
    before, before_id = place_of(cursor)
    return Wanted(
        limit=limit,
        action=action,
        since=since.timestamp() if since else 0.0,
        until=until.timestamp() if until else float("inf"),
        before=before,
        before_id=before_id,
    )


_Wanted = Annotated[Wanted, Depends(_wanted)]
_Account = Annotated[str, Query(max_length=100, description="Only what this account did.")]


@dataclass(frozen=True, slots=True)
class _Routes:
    audit: Audit

    async def take(self, request: Request, _: Identity) -> None:
        """Keep entries that another service hands over."""
        await self.audit.take((await asked(request, AuditEntries)).entries)

    async def show(self, wanted: _Wanted, account: _Account = "") -> Response:
        """Show who did what, to what, from where, the newest first."""
        wanted = replace(wanted, account=account)
        return _page(await self.audit.listed(wanted), wanted)

    async def show_own(self, wanted: _Wanted, caller: Caller) -> Response:
        """Show what your account did, and what strangers tried to do as you, the newest first."""
        wanted = replace(wanted, account=caller.account)
        return _page(await self.audit.of_account(wanted), wanted)


def _page(found: Sequence[AuditEntry], wanted: Wanted) -> Response:
    shown = found[: wanted.limit]
    goes_on = len(found) > wanted.limit
    following = cursor_of(shown[-1].at, shown[-1].id) if goes_on else None
    entries = [
        AuditEntryView.model_validate(each.model_dump() | {"at": time_of(each.at)})
        for each in shown
    ]
    return json_answer(AuditList(entries=entries, next=following))
