"""What requests about accounts carry, and how they are read."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from imagemill.contracts.scopes import Role
from imagemill.errors import FieldError, InvalidRequest, MalformedBody
from imagemill.users.addresses import LONGEST as LONGEST_ADDRESS
from imagemill.users.passwords import LONGEST as LONGEST_PASSWORD
from imagemill.users.passwords import SHORTEST
from imagemill.web.openapi import BODY_TOO_LARGE, REF_TEMPLATE
from imagemill.web.reading import bounded_body, json_object, model_of

M = TypeVar("M", bound=BaseModel)

_MOST_BYTES: Final = 20_000
_MOST_FIELDS: Final = 10
FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"

Email = Annotated[
    str,
    Field(
        min_length=3,
        max_length=LONGEST_ADDRESS,
        description="Mail address; case does not count.",
        examples=["ada@example.com"],
    ),
]
Password = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_PASSWORD,
        json_schema_extra={"format": "password"},
        description="The password.",
    ),
]
NewPassword = Annotated[
    str,
    Field(
        max_length=LONGEST_PASSWORD,
        json_schema_extra={"format": "password", "minLength": SHORTEST},
        description=f"{SHORTEST} characters at least, any that there are.",
    ),
]
Token = Annotated[str, Field(min_length=1, max_length=200, description="As the letter has it.")]


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewAccount(_Form):
    """An account that somebody makes for themselves."""

    email: Email
    password: NewPassword


class Login(_Form):
    """The password form of OAuth 2."""

    username: str = Field(
        max_length=LONGEST_ADDRESS, description="Mail address.", examples=["ada@example.com"]
    )
    password: Password
    grant_type: str = Field("password", pattern="^password$", description="Always `password`.")
    scope: str = Field("", max_length=0, description="Empty: a login may do what the role may.")
    client_id: str = Field("", max_length=200, description="Not looked at.")
    client_secret: str = Field("", max_length=200, description="Not looked at.")


class Refreshing(_Form):
    """The refresh token that is used up."""

    refresh_token: str = Field(min_length=1, max_length=200, description="The last one given.")


class PasswordChange(_Form):
    """A new password of who knows the old one."""

    old_password: Password
    new_password: NewPassword


class Forgotten(_Form):
    """Whose password was forgotten."""

    email: Email


class Reset(_Form):
    """A new password of who got a letter."""

    token: Token
    password: NewPassword


class Confirmation(_Form):
    """That an address is its owner's."""

    token: Token
    password: Password


class ProfileChange(_Form):
    """What shall be set; what is left out stays."""

    name: str | None = Field(
        None, max_length=100, description="What you are called; null for nothing."
    )
    email: Email | None = Field(None, description="Another mail address; needs `password`.")
    password: Password | None = Field(None, description="The password, to change the address.")


class Farewell(_Form):
    """The password of who wants the account deleted."""

    password: Password


class AccountOfAnother(_Form):
    """An account that an admin makes."""

    email: Email
    password: NewPassword
    role: Role = Field(Role.USER, description="What it may do beyond its own things.")


class AccountChange(_Form):
    """What an admin sets; what is left out stays."""

    role: Role | None = Field(None, description="What it may do beyond its own things.")
    disabled: bool | None = Field(
        None, strict=True, description="Whether its keys, tokens and password are refused."
    )


FORMS: Final = (
    *(NewAccount, Login, Refreshing, PasswordChange, Forgotten, Reset, Confirmation),
    *(ProfileChange, Farewell, AccountOfAnother, AccountChange),
)
"""Every model of a body, for the OpenAPI document."""


async def read(request: Request, model: type[M]) -> M:
    """Read a JSON body; raises `MalformedBody`, or `InvalidRequest` naming what is wrong."""
    value = await json_object(request, most_bytes=_MOST_BYTES)
    return model_of(model, value, "The request has fields that are wrong.")


async def read_form(request: Request, model: type[M]) -> M:
    """Read a urlencoded form; raises `MalformedBody`, or `InvalidRequest` naming what is wrong."""
    if not is_form(request):
        raise MalformedBody(f"Send a form, as {FORM}.")
    body = await bounded_body(request, _MOST_BYTES)
    return model_of(model, _fields(body), "The form has fields that are wrong.")


async def read_either(request: Request, model: type[M]) -> M:
    """Read what a program sends as JSON and a page as a form."""
    return await (read_form if is_form(request) else read)(request, model)


def is_form(request: Request) -> bool:
    """Tell whether a body says that it is a urlencoded form."""
    media = request.headers.get("content-type", "").partition(";")[0]
    return media.strip().lower() == FORM


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise MalformedBody(
            "The body is no form; send names and values, percent-encoded."
        ) from error
    twice = {name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1}
    if twice:
        errors = [FieldError(name[:80], "is given more than once; give it once.") for name in twice]
        raise InvalidRequest("The form has fields that are wrong.", errors=errors)
    return dict(pairs)


def takes(
    model: type[BaseModel],
    media: str = _JSON,
    *,
    is_open: bool = False,
    **more: Any,  # noqa: ANN401 - FastAPI's
) -> dict[str, Any]:
    """Describe a route that reads a model from its body; open ones let strangers in."""
    schema = {"$ref": REF_TEMPLATE.format(model=model.__name__)}
    body = {"required": True, "content": {media: {"schema": schema}}}
    extra: dict[str, Any] = {"requestBody": body}
    if is_open:
        extra["security"] = []
    responses = {
        413: BODY_TOO_LARGE,
        **more.pop("responses", {}),
    }
    return {"openapi_extra": extra, "responses": responses, **more}
