"""Routes for admins: everybody's accounts."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import FastAPI, Path, Query, Request, Response

from imagemill.audit import origin_of
from imagemill.contracts.identity import Identity
from imagemill.contracts.scopes import ADMINISTER
from imagemill.errors import Forbidden
from imagemill.users.forms import AccountChange, AccountOfAnother, read, takes
from imagemill.users.people import People
from imagemill.users.views import AccountList, AccountView, account_view, changed, unstored
from imagemill.web import NO_QUERY, Caller, only_query
from imagemill.web.openapi import Described, location, problem
from imagemill.web.paging import MOST, cursor_of, place_of

_ALL: Final = "/api/v1/accounts"
_ONE: Final = "/api/v1/accounts/{account_id}"
_START: Final = (float("-inf"), "")
_Id = Annotated[str, Path(max_length=64, description="Id of the account.")]
_Limit = Annotated[int, Query(ge=1, le=MOST, description="Accounts in one answer.")]
_Cursor = Annotated[
    str, Query(max_length=200, description="`next` of the answer before; the start if empty.")
]
_TAKEN: Final[Described] = {
    409: problem("The address has an account, or the first account would be kept out."),
}
_MADE: Final[Described] = {
    201: {
        "model": AccountView,
        "description": "The account is made.",
        "headers": location("Where the account is."),
    },
    **_TAKEN,
}


def add_admin(app: FastAPI, people: People) -> None:
    """Let an app answer admins."""
    routes = _Routes(people)
    plain: dict[str, Any] = {"tags": ["admins"], "dependencies": [NO_QUERY]}
    shown: dict[str, Any] = {"response_model": AccountView, **plain}
    listed: dict[str, Any] = {
        "tags": ["admins"],
        "response_model": AccountList,
        "dependencies": [only_query("limit", "cursor")],
    }
    made: dict[str, Any] = {"status_code": HTTPStatus.CREATED, **shown}
    app.get(_ALL, **listed)(routes.list)
    app.post(_ALL, **made, **takes(AccountOfAnother, responses=dict(_MADE)))(routes.add)
    app.get(_ONE, **shown)(routes.show)
    app.patch(_ONE, **shown, **takes(AccountChange, responses=dict(_TAKEN)))(routes.change)


@dataclass(frozen=True, slots=True)
class _Routes:
    people: People

    async def list(self, caller: Caller, limit: _Limit = 50, cursor: _Cursor = "") -> Response:
        """List accounts in the order in which they were made."""
        await self._require_admin(caller)
        place = place_of(cursor) if cursor else _START
        found = await self.people.accounts.listed(place, limit + 1)
        shown, goes_on = found[:limit], len(found) > limit
        following = cursor_of(shown[-1].created_at, shown[-1].id) if goes_on else None
        views = [account_view(each) for each in shown]
        return unstored(AccountList(accounts=views, next=following))

    async def add(self, request: Request, caller: Caller) -> Response:
        """Make an account for somebody, whose address counts as confirmed."""
        await self._require_admin(caller)
        asked = await read(request, AccountOfAnother)
        origin = origin_of(request, caller)
        made = await self.people.accounts.add(asked.email, asked.password, asked.role, origin)
        answer = unstored(account_view(made), HTTPStatus.CREATED)
        answer.headers["location"] = f"{_ALL}/{made.id}"
        return answer

    async def show(self, account_id: _Id, caller: Caller) -> Response:
        """Show an account."""
        await self._require_admin(caller)
        return unstored(account_view(await self.people.accounts.get(account_id)))

    async def change(self, account_id: _Id, request: Request, caller: Caller) -> Response:
        """Set an account's role, or keep it out, or let it in again.

        A disabled account's keys, tokens and password are refused, and its sessions have ended.
        """
        await self._require_admin(caller)
        asked = await read(request, AccountChange)
        origin, accounts = origin_of(request, caller), self.people.accounts
        account = await accounts.get(account_id)
        if asked.role is not None:
            account = await accounts.give_role(account_id, asked.role, origin)
        if asked.disabled is not None:
            keep = accounts.disable if asked.disabled else accounts.enable
            account = await keep(account_id, origin)
        return changed(unstored(account_view(account)), account_id)

    async def _require_admin(self, caller: Identity) -> None:
        """Raise `Forbidden` for who was an admin when the gateway last looked, and is none now."""
        account = await self.people.signing_in.present(caller)
        if ADMINISTER not in account.role.scopes:
            raise Forbidden("The account is no admin's any more.")
