"""Every error of a service as RFC 9457 problem details."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect

from imagemill.contracts.problem import MEDIA_TYPE, problem_of
from imagemill.contracts.wording import problem_with
from imagemill.errors import (
    FieldError,
    ImagemillError,
    InvalidRequest,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
)

_log = structlog.get_logger(__name__)


def answer_errors_as_problems(app: FastAPI) -> None:
    """Let an app answer every error that it raises, and its framework's own, as a problem."""
    app.add_exception_handler(ImagemillError, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(StarletteHTTPException, _answer_http)
    app.add_exception_handler(ClientDisconnect, _answer_gone)


def problem_response(error: ImagemillError) -> Response:
    """Write an error as RFC 9457 problem details."""
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    headers = {"cache-control": "no-store"}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(error.retry_after_s)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    return Response(
        problem_of(error, request_id).model_dump_json(),
        status_code=error.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def not_allowed(message: str, known: str) -> Response:
    """Answer 405 with the methods that are `known`, as RFC 9110 wants it."""
    answer = problem_response(MethodNotAllowed(message))
    answer.headers["allow"] = known
    return answer


async def _answer_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ImagemillError)
    if error.alarm:
        _log.error("answered_with_alarm", code=error.code, exc_info=error)
    return problem_response(error)


async def _answer_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(each["type"] == "json_invalid" for each in found):
        return problem_response(MalformedBody("The body is not JSON; send one JSON object."))
    errors = [
        FieldError(".".join(str(part) for part in each["loc"][1:]), problem_with(each))
        for each in found
    ]
    return problem_response(InvalidRequest("The request has fields that are wrong.", errors=errors))


async def _answer_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem_response(NotFound("There is nothing here; see /docs for the routes."))
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        known = (error.headers or {}).get("Allow", "")
        return not_allowed(f"This route answers {known}; see /docs.", known)
    return problem_response(MalformedBody(str(error.detail)))


async def _answer_gone(_: Request, __: Exception) -> Response:
    return problem_response(MalformedBody("The connection ended before the body did."))
