"""Routes for who is not logged in, and the keys with which tokens are checked."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response

from imagemill.audit import origin_of
from imagemill.users.forms import (
    FORM,
    Confirmation,
    Forgotten,
    Login,
    NewAccount,
    Refreshing,
    Reset,
    read,
    read_either,
    read_form,
    takes,
)
from imagemill.users.pages import done, page
from imagemill.users.people import People
from imagemill.users.views import Jwks, RegisteredView, TokensView, changed, tokens_answer, unstored
from imagemill.web import NO_QUERY, Caller
from imagemill.web.answers import json_answer
from imagemill.web.openapi import Described, problem

_OFTEN: Final[Described] = {
    429: problem("There were too many attempts; `Retry-After` says when to come again."),
}
_TOKENS: Final[dict[str, Any]] = {"response_model": TokensView}
_ACCEPTED: Final[dict[str, Any]] = {"status_code": HTTPStatus.ACCEPTED}
_DONE: Final[dict[str, Any]] = {"status_code": HTTPStatus.NO_CONTENT}
_JWKS_S: Final = 300
"""Seconds for which the public keys may be kept; one that is unknown is worth a new look."""


def add_signing_in(app: FastAPI, people: People) -> None:
    """Let an app answer who wants to come in."""
    routes = _Routes(people)
    plain: dict[str, Any] = {"tags": ["signing in"], "dependencies": [NO_QUERY]}

    def open_to(model: type[Any], media: str = "application/json") -> dict[str, Any]:
        return {**takes(model, media, is_open=True, responses=dict(_OFTEN)), **plain}

    register = {"response_model": RegisteredView, **_ACCEPTED, **open_to(NewAccount)}
    app.post("/api/v1/auth/register", **register)(routes.register)
    app.post("/api/v1/auth/login", **_TOKENS, **open_to(Login, FORM))(routes.log_in)
    app.post("/api/v1/auth/refresh", **_TOKENS, **open_to(Refreshing))(routes.refresh)
    app.post("/api/v1/auth/confirm", **_DONE, **open_to(Confirmation))(routes.confirm)
    forgot = {"response_class": Response, **_ACCEPTED, **open_to(Forgotten)}
    app.post("/api/v1/auth/password/forgot", **forgot)(routes.forgot)
    app.post("/api/v1/auth/password/reset", **_DONE, **open_to(Reset))(routes.reset)
    shown: dict[str, Any] = {"tags": ["signing in"], "openapi_extra": {"security": []}}
    jwks = {"response_model": Jwks, "dependencies": [NO_QUERY], **shown}
    app.get("/.well-known/jwks.json", **jwks)(routes.jwks)
    for path in ("/api/v1/auth/confirm", "/api/v1/auth/password/reset"):
        app.get(path, include_in_schema=False, openapi_extra={"security": []})(page)


@dataclass(frozen=True, slots=True)
class _Routes:
    people: People

    async def register(self, request: Request, caller: Caller) -> Response:
        """Make an account of your own, where the operator lets everybody.

        The answer is the same whether the address has an account already. Where mail is sent, a
        letter tells its owner which, and a new account opens by that letter alone.
        """
        asked = await read(request, NewAccount)
        origin = origin_of(request, caller)
        is_mailed = await self.people.registration.register(asked.email, asked.password, origin)
        view = RegisteredView(confirmation="mail" if is_mailed else "none")
        return unstored(view, HTTPStatus.ACCEPTED)

    async def log_in(self, request: Request, caller: Caller) -> Response:
        """Begin a session with a mail address and a password, as OAuth 2 has it.

        Whatever is the reason for a no, the answer is the same.
        """
        asked = await read_form(request, Login)
        origin = origin_of(request, caller)
        found = await self.people.signing_in.log_in(asked.username, asked.password, origin)
        return tokens_answer(found)

    async def refresh(self, request: Request, caller: Caller) -> Response:
        """Go on with a session: use a refresh token up, and get the next one.

        A refresh token that was used before ends the session, for then two have it.
        """
        asked = await read(request, Refreshing)
        origin = origin_of(request, caller)
        return tokens_answer(await self.people.signing_in.refresh(asked.refresh_token, origin))

    async def confirm(self, request: Request, caller: Caller) -> Response:
        """Confirm a mail address with what its letter says, and the account's password."""
        asked = await read_either(request, Confirmation)
        origin = origin_of(request, caller)
        await self.people.registration.confirm(asked.token, asked.password, origin)
        return done(request)

    async def forgot(self, request: Request, caller: Caller) -> Response:
        """Ask for a letter with which a new password is set.

        The answer is the same whether the address has an account, and whether mail is sent here;
        where it is not, an admin sets passwords by command.
        """
        asked = await read(request, Forgotten)
        await self.people.recovery.forgot(asked.email, origin_of(request, caller))
        return Response(status_code=HTTPStatus.ACCEPTED)

    async def reset(self, request: Request, caller: Caller) -> Response:
        """Set a new password with what a letter says, once; every session ends."""
        asked = await read_either(request, Reset)
        origin = origin_of(request, caller)
        account_id = await self.people.recovery.reset(asked.token, asked.password, origin)
        return changed(done(request), account_id)

    async def jwks(self) -> Response:
        """Publish the keys with which access tokens can be checked."""
        answer = json_answer(Jwks.model_validate(self.people.signing_in.tokens.jwks()))
        answer.headers["cache-control"] = f"public, max-age={_JWKS_S}"
        return answer
