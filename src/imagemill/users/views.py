"""What is told of accounts and logins."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Literal

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from imagemill.contracts.scopes import Role
from imagemill.contracts.users import CHANGED
from imagemill.users.account import Account
from imagemill.users.signing_in import LoggedIn
from imagemill.web.answers import json_answer, untold


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class TokensView(_View):
    """What a client needs to act for somebody."""

    access_token: str = Field(description="Shown as `Authorization: Bearer`.")
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind of token, not one
    expires_in: int = Field(description="Seconds for which it holds.", examples=[900])
    refresh_token: str = Field(
        description="Good for one refresh, which gives the next; shown again later, it ends the"
        " session."
    )


class RegisteredView(_View):
    """What happens next; the same whether the address had an account already."""

    confirmation: Literal["mail", "none"] = Field(
        description="`mail`: a letter was sent, and the account opens by it. `none`: log in."
    )


class AccountView(_View):
    """An account."""

    id: str = Field(examples=["3f0d5d0c-9a52-4f0b-8f6a-1f1f9b1f9f55"])
    email: str | None = Field(description="Null until the first account's is set.")
    email_confirmed: bool = Field(description="Whether letters are known to arrive there.")
    name: str | None
    role: Role
    disabled: bool
    created_at: datetime


class AccountList(_View):
    """Some of the accounts."""

    accounts: list[AccountView]
    next: str | None = Field(
        description="Where the list goes on: `cursor` of the next request; null at the end."
    )


class Jwk(_View):
    """One public key, as RFC 7517 and RFC 8037 have it."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    alg: Literal["EdDSA"]
    use: Literal["sig"]


class Jwks(_View):
    """The keys with which access tokens are checked, the newest first."""

    keys: list[Jwk]


def account_view(account: Account) -> AccountView:
    """Tell an account, without what keeps it safe."""
    return AccountView(
        id=account.id,
        email=account.email.shown if account.email else None,
        email_confirmed=account.email_confirmed_at is not None,
        name=account.name,
        role=account.role,
        disabled=account.is_disabled,
        created_at=datetime.fromtimestamp(account.created_at, UTC),
    )


def unstored(model: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Answer what no cache may keep."""
    return untold(json_answer(model, status))


def tokens_answer(found: LoggedIn) -> Response:
    """Hand over tokens."""
    return unstored(
        TokensView(
            access_token=found.access_token,
            expires_in=found.expires_in,
            refresh_token=found.refresh_token,
        )
    )


def nothing() -> Response:
    """Answer that it is done."""
    return Response(status_code=HTTPStatus.NO_CONTENT)


def changed(answer: Response, account_id: str) -> Response:
    """Let the gateway trust nothing of what it remembers of an account."""
    answer.headers[CHANGED] = account_id
    return answer
