"""How the routes that read their bodies themselves are described in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from inspect import getdoc
from typing import Annotated, Any, Final

from fastapi import Path

from imagemill.jobs.catalogue import parameters_of
from imagemill.jobs.publicity import Publicity
from imagemill.jobs.request import ENCODING_FIELDS, JobRequest, TermsRequest
from imagemill.jobs.views import Accepted, DryRun, EventView
from imagemill.operations import Kind, Step, operations
from imagemill.web.links import CONDITIONAL, LINK, OPEN, OPENED_BY_SIGNATURE, LinkRequest
from imagemill.web.openapi import (
    BYTES,
    IDEMPOTENCY_KEY,
    PICTURE_PROBLEMS,
    Described,
    file_of,
    json_body,
    location,
    problem,
)

JobId = Annotated[str, Path(description="Id of the job, as the answer to work told it.")]
OutputName = Annotated[
    str, Path(description="Name of the output; a short form's is `result`.", examples=["result"])
]
PublicName = Annotated[str, Path(description="Name of the result, as its owner was told it.")]
OperationName = Annotated[str, Path(description="The operation.", examples=["resize"])]

Schemas = Mapping[str, dict[str, Any]]
"""JSON schemas by the names of the fields that they describe."""

MODELS: Final = (JobRequest, Accepted, DryRun, EventView, LinkRequest, Publicity)
"""Models that routes describe by themselves."""

_ANSWERS: Final[Described] = {
    200: {
        "model": DryRun,
        "description": "With `dry_run=1`: what would be made. With `Prefer: wait`: the ended job.",
    },
    202: {
        "model": Accepted,
        "description": "The job is taken on; `Location` tells where it is.",
        "headers": location("Where to ask about the job."),
    },
    409: problem("Another request with this `Idempotency-Key` is under way."),
    429: problem("You have as many jobs as you may have, unfinished or in this month."),
    **PICTURE_PROBLEMS,
}
PROMISED: Final[Described] = {
    202: {
        "description": "The request is taken on; `Location` tells where it is.",
        "headers": location("Where to ask about the request."),
    },
    **{status: _ANSWERS[status] for status in (409, 429)},
    **PICTURE_PROBLEMS,
}
"""What the routes of the requirements answer to work."""

_FILE: Final[dict[str, Any]] = {**BYTES, "description": "The picture."}
_DRY_RUN: Final[dict[str, Any]] = {
    "name": "dry_run",
    "in": "query",
    "schema": {"type": "boolean", "default": False},
    "description": "Answer what would be made, and make nothing.",
}
_JOB: Final[dict[str, Any]] = {"$ref": "#/components/schemas/JobRequest"}
_IMAGE_ID: Final = "1ad4c88f-afcc-42ef-b0f1-c0cdda1e0973"
_OUTPUTS: Final[dict[str, Any]] = {
    "card": [
        {"op": "resize", "width": 400, "height": 300},
        {"op": "convert", "format": "webp", "quality": 80},
    ],
    "thumb": [{"op": "resize", "width": 128, "height": 128}],
}

NO_RESULT: Final[Described] = {
    409: problem("The job is not completed; there is no result yet, or there never will be."),
    410: problem("The result was removed when its time was over."),
}
"""What every route about a result may answer."""

LINKS: Final[dict[str, Any]] = {
    **LINK,
    "responses": {**LINK["responses"], **NO_RESULT},
    "tags": ["jobs"],
}
"""The route that makes a link to a result."""

PUBLICITY: Final[dict[str, Any]] = {
    "responses": LINKS["responses"],
    "openapi_extra": json_body(Publicity),
    "tags": ["jobs"],
}
"""The route that shows a result to everybody, or to nobody but its owner."""

PUBLIC_RESULT: Final[dict[str, Any]] = {
    "responses": {
        **file_of("The result, under its true type.", "image/*", "application/json"),
        **CONDITIONAL,
    },
    "tags": ["jobs"],
    "openapi_extra": OPEN,
}
"""The route that gives a public result to anybody."""

OUTPUT: Final[dict[str, Any]] = {
    "responses": {
        **file_of("The result, under its true type.", "image/*", "application/json"),
        **CONDITIONAL,
        **NO_RESULT,
    },
    "tags": ["jobs"],
    "openapi_extra": OPENED_BY_SIGNATURE,
}
"""The route that gives a result's bytes."""

EVENTS: Final[dict[str, Any]] = {"tags": ["jobs"]}
"""The stream of what happens to a job."""

CANCEL: Final[dict[str, Any]] = {
    "responses": {409: problem("The job has ended already.")},
    "tags": ["jobs"],
}
"""The route that ends a job for its owner."""

_PREFER: Final[dict[str, Any]] = {
    "name": "Prefer",
    "in": "header",
    "schema": {"type": "string"},
    "description": "`wait=N`: answer 200 with the ended job if it ends within N seconds (60 at "
    "most); with `Accept: image/*` and one output, with the picture itself.",
}

REPLAY: Final[dict[str, Any]] = {
    "status_code": 202,
    "response_model": None,
    "responses": {
        200: {"description": "With `Prefer: wait`: the ended job, or its picture."},
        202: _ANSWERS[202],
        409: problem("The job has not gone wrong, or its dead letter was decided about before."),
        429: _ANSWERS[429],
    },
    "tags": ["jobs"],
    "openapi_extra": {"parameters": [_PREFER, IDEMPOTENCY_KEY]},
}
"""The route that does a job again."""

JOBS: Final[dict[str, Any]] = {
    "status_code": 202,
    "response_model": None,
    "responses": _ANSWERS,
    "tags": ["jobs"],
    "openapi_extra": {
        "parameters": [
            _DRY_RUN,
            _PREFER,
            IDEMPOTENCY_KEY,
            {
                "name": "job",
                "in": "query",
                "content": {"application/json": {"schema": _JOB, "example": {"outputs": _OUTPUTS}}},
                "description": "The job, where the body is the picture itself.",
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _JOB,
                    "example": {"input": {"image_id": _IMAGE_ID}, "outputs": _OUTPUTS},
                },
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file", "job"],
                        "properties": {"file": _FILE, "job": _JOB},
                        "additionalProperties": False,
                    },
                    "encoding": {"job": {"contentType": "application/json"}},
                    "example": {"job": {"outputs": _OUTPUTS}},
                },
                "image/*": {"schema": BYTES},
            },
        },
    },
}
"""The route that takes a job on."""


def short_form(name: str, step: type[Step]) -> dict[str, Any]:
    """Describe the route of one operation by its parameters."""
    fields = _fields(step)
    return {
        "status_code": 202,
        "response_model": None,
        "responses": _ANSWERS,
        "tags": ["operations"],
        "name": name,
        "description": getdoc(step),
        "openapi_extra": {
            "parameters": [_DRY_RUN, _PREFER, IDEMPOTENCY_KEY, *_query(fields)],
            "requestBody": {
                "required": True,
                "content": {
                    "multipart/form-data": _body(step, fields, {"file": _FILE}, {}),
                    "image/*": {"schema": BYTES},
                    "application/json": _body(step, fields, *_original(fields)),
                },
            },
        },
    }


def _fields(step: type[Step]) -> Schemas:
    """List what a short form takes: the step's parameters, an encoding, and `fresh`."""
    encoding = _parameters(operations()["convert"])
    taken = ENCODING_FIELDS if step.kind is Kind.PIXELS else ()
    return {
        **_parameters(step),
        **{name: encoding[name] for name in taken if name not in step.model_fields},
        "fresh": JobRequest.model_json_schema()["properties"]["fresh"],
        **_parameters_of_terms(),
    }


def _parameters(step: type[Step]) -> Schemas:
    schema = parameters_of(step)
    definitions = schema.get("$defs", {})
    return {name: _inlined(each, definitions) for name, each in schema["properties"].items()}


def _parameters_of_terms() -> Schemas:
    schema = TermsRequest.model_json_schema()
    return {
        name: _inlined(each, schema.get("$defs", {})) for name, each in schema["properties"].items()
    }


def _original(fields: Schemas) -> tuple[Schemas, dict[str, Any]]:
    """Describe how JSON names the original, and give an example of it.

    That is `image_id`, unless the step has a parameter of this name.
    """
    what = "The image to work on, uploaded before."
    if "image_id" in fields:
        schema = {"$ref": "#/components/schemas/JobInput", "description": what}
        return {"input": schema}, {"input": {"image_id": _IMAGE_ID}}
    return {"image_id": {"type": "string", "description": what}}, {"image_id": _IMAGE_ID}


def _body(
    step: type[Step], fields: Schemas, original: Schemas, given: dict[str, Any]
) -> dict[str, Any]:
    """Describe a body: the original first, then the fields, and the step's own examples.

    Steps also take synonyms, such as `x` for `left`. They are no fields here, so the schema does
    not forbid other names, and the examples that use them are left out.
    """
    examples = [each for each in step.examples if set(each.parameters) <= set(fields)]
    return {
        "schema": {
            "type": "object",
            "required": [*original, *parameters_of(step).get("required", ())],
            "properties": {**original, **fields},
        },
        "examples": {
            f"example_{number}": {"summary": each.title, "value": {**given, **each.parameters}}
            for number, each in enumerate(examples, start=1)
        },
    }


def _query(fields: Schemas) -> Iterator[dict[str, Any]]:
    """Describe each field as a parameter of the query; lists and objects stand there as JSON."""
    for name, schema in fields.items():
        plain = {key: value for key, value in schema.items() if key != "description"}
        is_json = bool({"array", "object"} & _types(schema))
        yield {
            "name": name,
            "in": "query",
            "description": schema.get("description", ""),
            **({"content": {"application/json": {"schema": plain}}} if is_json else {}),
            **({} if is_json else {"schema": plain}),
        }


def _types(schema: dict[str, Any]) -> set[str]:
    return {each.get("type", "") for each in (schema, *schema.get("anyOf", ()))}


def _inlined(value: Any, definitions: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON in, JSON out
    """Put definitions where they are referred to, so that the schema stands alone."""
    if isinstance(value, list):
        return [_inlined(each, definitions) for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        found = definitions[value["$ref"].rpartition("/")[2]]
        return _inlined({**found, **{k: v for k, v in value.items() if k != "$ref"}}, definitions)
    return {key: _inlined(each, definitions) for key, each in value.items()}
