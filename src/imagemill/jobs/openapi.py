"""How the routes that read their bodies themselves are described in the OpenAPI document."""

from __future__ import annotations

from inspect import getdoc
from typing import Any

from imagemill.jobs.catalogue import parameters_of
from imagemill.jobs.views import Accepted, DryRun
from imagemill.operations import Step

_BYTES: dict[str, Any] = {"type": "string", "format": "binary"}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": DryRun, "description": "With `dry_run=1`: what would be made."},
    202: {"model": Accepted, "description": "The job is taken on; `Location` tells where it is."},
}
_DRY_RUN: dict[str, Any] = {
    "name": "dry_run",
    "in": "query",
    "schema": {"type": "boolean", "default": False},
    "description": "Answer what would be made, and make nothing.",
}
_JOB: dict[str, Any] = {"$ref": "#/components/schemas/JobRequest"}

JOBS: dict[str, Any] = {
    "status_code": 202,
    "response_model": None,
    "responses": _ANSWERS,
    "tags": ["jobs"],
    "openapi_extra": {
        "parameters": [
            _DRY_RUN,
            {
                "name": "job",
                "in": "query",
                "content": {"application/json": {"schema": _JOB}},
                "description": "The job, where the body is the picture itself.",
            },
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _JOB},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file", "job"],
                        "properties": {"file": _BYTES, "job": _JOB},
                    },
                    "encoding": {"job": {"contentType": "application/json"}},
                },
                "image/*": {"schema": _BYTES},
            },
        },
    },
}


def short_form(name: str, step: type[Step]) -> dict[str, Any]:
    """Describe the route of one operation by its parameters."""
    schema = parameters_of(step)
    fields = {
        key: _inlined(value, schema.get("$defs", {})) for key, value in schema["properties"].items()
    }
    body = {"type": "object", "required": schema.get("required", [])}
    summary = (getdoc(step) or name).partition("\n")[0]
    return {
        "status_code": 202,
        "response_model": None,
        "responses": _ANSWERS,
        "tags": ["operations"],
        "name": name,
        "operation_id": f"{name}_short_form",
        "summary": summary,
        "description": getdoc(step),
        "openapi_extra": {
            "parameters": [_DRY_RUN],
            "requestBody": {
                "required": True,
                "content": {
                    "multipart/form-data": {
                        "schema": {**body, "properties": {"file": _BYTES, **fields}}
                    },
                    "image/*": {"schema": _BYTES},
                    "application/json": {
                        "schema": {**body, "properties": {"image_id": {"type": "string"}, **fields}}
                    },
                },
            },
        },
    }


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
