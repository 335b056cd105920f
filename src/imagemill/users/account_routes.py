"""Routes for who is logged in: the session, the profile, the password, the preferences."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response

from imagemill.audit import origin_of
from imagemill.errors import FieldError, Forbidden, InvalidRequest
from imagemill.users.forms import Farewell, PasswordChange, ProfileChange, read, takes
from imagemill.users.people import People
from imagemill.users.preferences import Preferences
from imagemill.users.views import AccountView, account_view, changed, nothing, unstored
from imagemill.web import NO_QUERY, Caller
from imagemill.web.openapi import Described, problem
from imagemill.web.reading import json_object

_ME: Final = "/api/v1/users/me"
_PREFERENCES: Final = f"{_ME}/preferences"
_GUARDED: Final[Described] = {
    409: problem("The address has an account already, or the first account would go."),
    429: problem("The password was tried too often; `Retry-After` says when to come again."),
}


def add_account(app: FastAPI, people: People) -> None:
    """Let an app answer who is logged in."""
    routes = _Routes(people)
    plain: dict[str, Any] = {"tags": ["account"], "dependencies": [NO_QUERY]}
    done: dict[str, Any] = {"status_code": HTTPStatus.NO_CONTENT, **plain}
    shown: dict[str, Any] = {"response_model": AccountView, **plain}
    wished: dict[str, Any] = {"response_model": Preferences, **plain}

    def guarded(model: type[Any]) -> dict[str, Any]:
        return takes(model, responses=dict(_GUARDED))

    app.post("/api/v1/auth/logout", **done)(routes.log_out)
    app.post("/api/v1/auth/password", **done, **guarded(PasswordChange))(routes.change_password)
    app.get(_ME, **shown)(routes.show)
    app.patch(_ME, **shown, **guarded(ProfileChange))(routes.change)
    app.delete(_ME, **done, **guarded(Farewell))(routes.delete)
    app.get(_PREFERENCES, **wished)(routes.show_preferences)
    app.patch(_PREFERENCES, **wished, **takes(Preferences))(routes.change_preferences)


@dataclass(frozen=True, slots=True)
class _Routes:
    people: People

    async def log_out(self, request: Request, caller: Caller) -> Response:
        """End the session of the token that is shown, with all its tokens.

        They are refused at once, and by another gateway that shares no cache with this one within
        `IMAGEMILL_GATEWAY_IDENTITY_CACHE_S`.
        """
        if caller.session is None:
            raise Forbidden("An API key has no session; revoke the key to end it.")
        await self.people.signing_in.present(caller)
        await self.people.signing_in.log_out(caller.session, origin_of(request, caller))
        return changed(nothing(), caller.account)

    async def change_password(self, request: Request, caller: Caller) -> Response:
        """Set a new password; every other session ends."""
        account = await self.people.signing_in.present(caller)
        asked = await read(request, PasswordChange)
        origin = origin_of(request, caller)
        await self.people.recovery.change(account, asked.old_password, asked.new_password, origin)
        return changed(nothing(), caller.account)

    async def show(self, caller: Caller) -> Response:
        """Show your account."""
        return unstored(account_view(await self.people.signing_in.present(caller)))

    async def change(self, request: Request, caller: Caller) -> Response:
        """Set what you are called, or another mail address.

        The address needs the password. Where mail is sent, it changes when the letter that goes to
        it is answered; until then the account shows the old one.
        """
        account = await self.people.signing_in.present(caller)
        asked = await read(request, ProfileChange)
        if asked.email is not None:
            password = _required(asked.password)
            origin = origin_of(request, caller)
            account = await self.people.accounts.move(account, asked.email, password, origin)
        if "name" in asked.model_fields_set:
            account = await self.people.accounts.named(account, asked.name)
        return unstored(account_view(account))

    async def delete(self, request: Request, caller: Caller) -> Response:
        """Delete your account with its keys, sessions, images, jobs, results and all else.

        It is gone at once; what other services keep goes soon after, even where one of them does
        not answer now.
        """
        account = await self.people.signing_in.present(caller)
        asked = await read(request, Farewell)
        await self.people.accounts.remove(account, asked.password, origin_of(request, caller))
        return changed(nothing(), account.id)

    async def show_preferences(self, caller: Caller) -> Response:
        """Show how you are told of what happens."""
        return unstored((await self.people.signing_in.present(caller)).preferences)

    async def change_preferences(self, request: Request, caller: Caller) -> Response:
        """Set how you are told of what happens.

        Each field that is named is set as a whole, and null takes it back to its default; what is
        left out stays.
        """
        account = await self.people.signing_in.present(caller)
        change = await json_object(request, most_bytes=50_000)
        return unstored((await self.people.accounts.prefer(account, change)).preferences)


def _required(password: str | None) -> str:
    if password is None:
        errors = [FieldError("password", "is missing; another address needs it.")]
        raise InvalidRequest("The request has fields that are wrong.", errors=errors)
    return password
