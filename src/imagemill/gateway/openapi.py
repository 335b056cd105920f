"""One OpenAPI document from those of all services, and of the gateway's own routes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from imagemill.web.openapi import PROBLEMS

_ABOUT: Final = """\
Hand over a picture and a pipeline of operations, get a job's id at once, and fetch the results
when they are ready.

- Show an API key in the header `X-API-Key`, or as `Authorization: Bearer`.
- Every error is an RFC 9457 problem with a stable `code`; `errors` names all wrong fields at once.
- Fields of a body and parameters of an operation that are not known are refused by name.
- `RateLimit-Remaining` tells how many requests are left, and `Retry-After` when to come again.
- Every answer carries an `X-Correlation-ID`, your own where you sent one: quote it when you ask
  for help.
"""

_TAGS: Final = (
    {"name": "images", "description": "Originals that Imagemill keeps: send once, work often."},
    {
        "name": "uploads",
        "description": "Pictures that take several requests to arrive: by a signed URL, from a"
        " sender without a key, or in chunks that are resumed after a cut (tus 1.0).",
    },
    {
        "name": "jobs",
        "description": "Work on one picture: many named outputs, decoded once. A job that was"
        " answered with 202 is kept until it ends as completed, failed or cancelled.",
    },
    {
        "name": "batches",
        "description": "Many jobs made by one request, up to 10,000, and followed as one. What"
        " failed of a batch can be done again alone.",
    },
    {
        "name": "dead letters",
        "description": "Jobs whose tries are used up. They wait for a person, who replays or"
        " discards them.",
    },
    {
        "name": "operations",
        "description": "What can be done to a picture. Each operation has a short form: a job with"
        " one step and one output, `result`. The picture is the field `file` of a form, the body"
        " itself with the parameters in the query, or an image that is named in JSON.",
    },
    {
        "name": "presets",
        "description": "Pipelines with a name, in numbered versions: an output of a job names one"
        " in the place of its steps.",
    },
    {
        "name": "webhooks",
        "description": "URLs of programs that are told what happened, signed by Standard Webhooks,"
        " and the log of what was delivered to them.",
    },
    {
        "name": "documents",
        "description": "A simpler way in: one request for a picture and what shall be made of it,"
        " and a status in capital letters.",
    },
    {
        "name": "keys",
        "description": "API keys: what each may do, how much and for how long. A key itself is"
        " shown once, when it is made.",
    },
    {"name": "usage", "description": "What the account's keys used in a month."},
    {
        "name": "signing in",
        "description": "Accounts for people: register, log in, go on, forget a password. An access"
        " token is shown as `Authorization: Bearer`, where a key would be.",
    },
    {"name": "account", "description": "Your own account, and how you are told of things."},
    {"name": "admins", "description": "Everybody's accounts, and the audit log."},
    {"name": "operators", "description": "What concerns everybody's work; scope `operate`."},
    {"name": "health", "description": "How the system is, for orchestrators and people."},
)


def merged(version: str, documents: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Join the services' documents and say how callers identify themselves."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for document in documents:
        paths |= document.get("paths", {})
        schemas |= _fitting(schemas, document.get("components", {}).get("schemas", {}))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Imagemill",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "tags": list(_TAGS),
        "paths": dict(sorted((paths | _OWN).items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": _SCHEMES,
        },
        "security": [{"key": []}, {"bearer": []}],
    }


def _fitting(known: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Give further schemas; raises `ValueError` where one name would mean two things."""
    if differing := [name for name in known.keys() & more.keys() if known[name] != more[name]]:
        raise ValueError(f"Two services mean different things by {', '.join(sorted(differing))}.")
    return more


def _word(what: str, word: str) -> dict[str, Any]:
    """Describe an answer of one word."""
    schema = {"type": "string", "const": word}
    return {"description": what, "content": {"text/plain": {"schema": schema}}}


def _told(what: str) -> dict[str, Any]:
    """Describe the full answer about health."""
    return {"description": what, "content": {"application/json": {"schema": _HEALTH}}}


_BREAKER: Final = {
    "type": "object",
    "required": ["state", "failures", "turned_away", "openings"],
    "properties": {
        "state": {"type": "string", "enum": ["closed", "open", "half-open"]},
        "failures": {"type": "integer"},
        "turned_away": {"type": "integer"},
        "openings": {"type": "integer"},
    },
}
_HEALTH: Final = {
    "type": "object",
    "required": ["status", "version"],
    "properties": {
        "status": {
            "type": "string",
            "enum": ["ok", "degraded"],
            "description": "`degraded` where a process is not `ok`.",
        },
        "version": {"type": "string"},
        "processes": {
            "type": "object",
            "description": "With a key of scope `operate`, each process by name: `ok`, `degraded` "
            "or `unavailable`, `checks` of what it needs with the milliseconds that each took, and "
            "what else it tells.",
            "additionalProperties": {"type": "object"},
        },
        "breakers": {
            "type": "object",
            "description": "With a key of scope `operate`, what the gateway's own process asks of "
            "others, by name: `open` where it failed so often that it is left alone for a while.",
            "additionalProperties": _BREAKER,
        },
    },
}
_SCHEMES: Final = {
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An API key; `imagemill key` prints the first one.",
    },
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The same key, for programs that know only this header.",
    },
    "signature": {
        "type": "apiKey",
        "in": "query",
        "name": "signature",
        "description": "A signed URL, used as it was given: `key`, `expires` and `signature` stand "
        "in its query, and nothing else need be shown.",
    },
}
_OWN: Final[dict[str, Any]] = {
    "/health/live": {
        "get": {
            "tags": ["health"],
            "operationId": "health_live",
            "summary": "Tell that the gateway answers.",
            "security": [],
            "responses": {"200": _word("It does.", "live")},
        }
    },
    "/health/ready": {
        "get": {
            "tags": ["health"],
            "operationId": "health_ready",
            "summary": "Tell whether work can be sent: users, uploads and jobs answer.",
            "security": [],
            "responses": {
                "200": _word("Work can be sent.", "ready"),
                "503": _word("A part that is needed does not answer yet.", "waiting"),
            },
        }
    },
    "/health": {
        "get": {
            "tags": ["health"],
            "operationId": "health_show",
            "summary": "Tell how it is; to who holds `operate`, each process and its sandbox too.",
            "responses": {
                "200": _told("Every process can work."),
                "400": PROBLEMS[400],
                "401": PROBLEMS[401],
                "429": PROBLEMS[429],
                "503": _told("A process cannot work; the others tell of themselves."),
            },
        }
    },
    "/metrics": {
        "get": {
            "tags": ["health"],
            "operationId": "metrics_show",
            "summary": "Tell Prometheus the numbers of the gateway's process; needs `operate`.",
            "responses": {
                "200": {
                    "description": "Everything that it counts and measures.",
                    "content": {"text/plain": {"schema": {"type": "string"}}},
                },
                "400": PROBLEMS[400],
                "401": PROBLEMS[401],
                "403": PROBLEMS[403],
                "429": PROBLEMS[429],
            },
        }
    },
}
