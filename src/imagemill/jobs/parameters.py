"""Parameters that routes read by themselves: known, given once, and of their kind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fastapi import Request

from imagemill.errors import FieldError, InvalidRequest


def is_json(request: Request) -> bool:
    """Tell whether the body says that it is JSON."""
    return _media_type(request) == "application/json"


def is_form(request: Request) -> bool:
    """Tell whether the body says that it is a multipart form."""
    return _media_type(request) == "multipart/form-data"


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def query(request: Request, *known: str) -> dict[str, str]:
    """Read the query; with `known`, refuse any other name."""
    given = dict(request.query_params)
    listed = [name for name, _ in request.query_params.multi_items()]
    refuse_twice({name for name in given if listed.count(name) > 1})
    if known:
        refuse_unknown({name: value for name, value in given.items() if name not in known})
    return given


def flag(request: Request, name: str) -> bool:
    """Read a yes-or-no parameter of the query; raises `InvalidRequest` for anything else."""
    value = request.query_params.get(name, "0").lower()
    if value not in {"0", "1", "false", "true"}:
        problem = FieldError(name, "is 1 or 0.")
        raise InvalidRequest("The query has a value that is wrong.", errors=[problem])
    return value in {"1", "true"}


def merged(query: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Join the query's and the body's parameters; what stands in both is refused."""
    refuse_twice(query.keys() & fields.keys())
    return {**query, **fields}


def refuse_twice(names: Collection[str]) -> None:
    """Raise `InvalidRequest` naming what is given more than once."""
    if names:
        problem = "is given more than once, in the query or there and in the body; give it once."
        errors = [FieldError(name[:80], problem) for name in sorted(names)]
        raise InvalidRequest("A parameter is given twice.", errors=errors)


def refuse_unknown(given: Mapping[str, Any]) -> None:
    """Raise `InvalidRequest` naming what nobody knows."""
    if given:
        errors = [FieldError(name[:80], "is not known here.") for name in given]
        raise InvalidRequest("The request has fields that are not known.", errors=errors)
