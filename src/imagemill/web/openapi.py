"""How a service's routes are described: problems, files, and texts taken from docstrings."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from fastapi.routing import APIRoute
from pydantic import BaseModel

from imagemill.contracts.problem import MEDIA_TYPE

Described = dict[int | str, dict[str, Any]]
"""Answers by HTTP status, as FastAPI's `responses` takes them."""

REF_TEMPLATE: Final = "#/components/schemas/{model}"
BYTES: Final[dict[str, Any]] = {"type": "string", "format": "binary"}

_JSON: Final = "application/json"


def problem(what: str) -> dict[str, Any]:
    """Describe an answer that is an RFC 9457 problem."""
    schema = {"$ref": REF_TEMPLATE.format(model="Problem")}
    return {"description": what, "content": {MEDIA_TYPE: {"schema": schema}}}


PROBLEMS: Final[Described] = {
    HTTPStatus.BAD_REQUEST.value: problem("The body cannot be read."),
    HTTPStatus.UNAUTHORIZED.value: problem("No valid key or token was shown."),
    HTTPStatus.FORBIDDEN.value: problem("The key may not do this."),
    HTTPStatus.NOT_FOUND.value: problem("There is no such thing, or it is somebody else's."),
    HTTPStatus.UNPROCESSABLE_ENTITY.value: problem(
        "Something asked for cannot be done; `errors` says why."
    ),
    HTTPStatus.TOO_MANY_REQUESTS.value: problem(
        "There were too many requests; `Retry-After` says when to come again."
    ),
    HTTPStatus.SERVICE_UNAVAILABLE.value: problem(
        "A part that is needed does not answer; try again."
    ),
}
"""What every route may answer."""

PICTURE_PROBLEMS: Final[Described] = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value: problem(
        "The picture has too many bytes; `limit` says how many it may have."
    ),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE.value: problem(
        "The bytes are of no format that is read here, whatever the request calls them."
    ),
    HTTPStatus.GATEWAY_TIMEOUT.value: problem("Looking at the picture took too long."),
}
"""What a route that takes a picture in may answer besides."""


def file_of(what: str, *media_types: str) -> Described:
    """Describe an answer that is a file, the 304 for who has it already, and a broken one."""
    content = {each: {} if each == _JSON else {"schema": BYTES} for each in media_types}
    return {
        HTTPStatus.OK.value: {"description": what, "content": content},
        HTTPStatus.NOT_MODIFIED.value: {"description": "The file is the one in `If-None-Match`."},
        HTTPStatus.BAD_GATEWAY.value: problem("The file is no longer what was written."),
    }


BODY_TOO_LARGE: Final = problem("The body has too many bytes; `limit` says how many it may have.")
"""Of routes that read JSON or a form of fields."""


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a JSON body that a route reads itself, by a model that the app was given."""
    schema = {"$ref": REF_TEMPLATE.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {_JSON: {"schema": schema}}}}


def location(what: str) -> dict[str, Any]:
    """Describe the header that tells where something made can be asked about."""
    return {
        "Location": {"description": what, "schema": {"type": "string", "format": "uri-reference"}}
    }


IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    "description": "A name that you give this request, such as a random UUID. Sent again within 24"
    " hours with the same key, the same request is answered as it was the first time, and nothing"
    " is made twice.",
}
"""The parameter of a route that makes something."""

REPLAYED: Final[dict[str, Any]] = {
    "Idempotency-Replayed": {
        "description": "`true` on the stored answer to a request that is sent again.",
        "schema": {"type": "string", "const": "true"},
    }
}
"""The header of an answer that was given before."""

IN_PROGRESS: Final[Described] = {
    HTTPStatus.CONFLICT.value: problem("The first request with this key is still being answered."),
}
"""What a route that takes an `Idempotency-Key` may answer besides."""


def operation_id(route: APIRoute) -> str:
    """Name a route for generated clients, such as `jobs_submit`; unique over all services."""
    tag = str(route.tags[0]).replace(" ", "_") if route.tags else ""
    return f"{tag}_{route.name}" if tag else route.name


def titled(document: dict[str, Any]) -> dict[str, Any]:
    """Make a docstring's first sentence the route's summary and the rest its description."""
    paths = {
        path: {method: _titled(operation) for method, operation in item.items()}
        for path, item in document.get("paths", {}).items()
    }
    return {**document, "paths": paths}


def _titled(operation: dict[str, Any]) -> dict[str, Any]:
    first, _, rest = operation.get("description", "").partition("\n\n")
    summary = " ".join(first.split()) or operation.get("summary", "")
    return {**operation, "summary": summary, "description": rest.strip()}


def schemas_of(*models: type[BaseModel]) -> dict[str, Any]:
    """Give the JSON schemas of models, and of those that they are made of, by name."""
    found: dict[str, Any] = {}
    for model in models:
        schema = model.model_json_schema(ref_template=REF_TEMPLATE)
        found |= {**schema.pop("$defs", {}), model.__name__: schema}
    return found
