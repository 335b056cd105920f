"""What every service's HTTP side shares: problems, request ids, and who is calling."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel

from imagemill.contracts.identity import HEADER, Identity, Signer
from imagemill.contracts.problem import MEDIA_TYPE, Problem
from imagemill.errors import Forbidden, MalformedBody
from imagemill.web.problems import answer_errors_as_problems

_ANSWERS: dict[int | str, dict[str, Any]] = {
    status.value: {
        "description": what,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, what in (
        (HTTPStatus.BAD_REQUEST, "The body cannot be read."),
        (HTTPStatus.UNAUTHORIZED, "No valid key or token was shown."),
        (HTTPStatus.FORBIDDEN, "The key may not do this."),
        (HTTPStatus.NOT_FOUND, "There is no such thing, or it is somebody else's."),
        (HTTPStatus.UNPROCESSABLE_ENTITY, "Something asked for cannot be done; `errors` says why."),
        (HTTPStatus.SERVICE_UNAVAILABLE, "A part that is needed does not answer; try again."),
    )
}


REF_TEMPLATE = "#/components/schemas/{model}"


def service_app(title: str, signer: Signer, *models: type[BaseModel]) -> FastAPI:
    """Make an app that answers every error as a problem and knows its callers by `signer`.

    `models` are put into the OpenAPI document beside those that FastAPI finds by itself.
    """
    app = FastAPI(
        title=title,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        responses=_ANSWERS,
        strict_content_type=False,
    )
    app.state.signer = signer
    app.state.schemas = _schemas(Problem, *models)
    app.get("/internal/openapi.json", include_in_schema=False)(lambda: openapi_of(app))
    answer_errors_as_problems(app)
    return app


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """Describe an app's public routes as OpenAPI, with the models that were added to it."""
    document = app.openapi()
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(app.state.schemas)
    return document


def _schemas(*models: type[BaseModel]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for model in models:
        schema = model.model_json_schema(ref_template=REF_TEMPLATE)
        found |= {**schema.pop("$defs", {}), model.__name__: schema}
    return found


async def caller(request: Request) -> Identity:
    """Check the signed identity of a request; services answer nobody without one."""
    signer: Signer = request.app.state.signer
    return signer.check(request.headers.get(HEADER))


async def process(request: Request) -> Identity:
    """Check that another process of Imagemill calls, for internal routes."""
    identity = await caller(request)
    if not identity.is_service:
        raise Forbidden("This route is for Imagemill's own processes.")
    return identity


Caller = Annotated[Identity, Depends(caller)]
Process = Annotated[Identity, Depends(process)]


async def json_object(request: Request) -> dict[str, Any]:
    """Read a JSON object from a body; raises `MalformedBody`."""
    try:
        value = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise MalformedBody("The body is not JSON; send one JSON object.") from error
    if not isinstance(value, dict):
        raise MalformedBody("The body is JSON, but not an object; send one JSON object.")
    return value


async def body_stream(request: Request) -> AsyncIterator[bytes]:
    """Stream a request's body, without the empty piece at its end."""
    async for piece in request.stream():
        if piece:
            yield piece
