"""JSON that strangers wrote: bounded, and only text that can be written down again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from imagemill.contracts.wording import problem_with
from imagemill.errors import FieldError, InvalidRequest, MalformedBody, TooLarge

M = TypeVar("M", bound=BaseModel)

_MOST_BYTES: Final = 1_000_000
"""Bytes of one JSON body; the largest job (20 outputs of 30 steps) has about 100,000."""


def value_of(text: str | bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Read a JSON text; raises `ValueError` for all that is none.

    Half of a surrogate pair, which JSON can spell, is none: it can be neither stored nor answered.
    Nor is an object with a name twice, which others may read as the other of the two.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("The text is nested too deeply.") from error
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("An object has a name twice.")
    return found


async def json_object(request: Request, *, most_bytes: int = _MOST_BYTES) -> dict[str, Any]:
    """Read a JSON object from a body; raises `MalformedBody` or `TooLarge`."""
    try:
        value = value_of(await bounded_body(request, most_bytes))
    except ValueError as error:
        raise MalformedBody(
            "The body is not JSON, or names a field twice; send one JSON object."
        ) from error
    if not isinstance(value, dict):
        raise MalformedBody("The body is JSON, but not an object; send one JSON object.")
    return value


def model_of(model: type[M], value: Mapping[str, Any], message: str) -> M:
    """Read a model from a JSON object; raises `InvalidRequest` naming each wrong field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        errors = [
            FieldError(".".join(str(part) for part in each["loc"]), problem_with(each))
            for each in error.errors(include_url=False, include_input=False)
        ]
        raise InvalidRequest(message, errors=errors) from error


async def bounded_body(request: Request, most_bytes: int) -> bytes:
    """Gather a body that is small, for JSON and forms are read whole; raises `TooLarge`."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most_bytes:
            raise TooLarge(
                f"This body has at most {most_bytes} bytes; send pictures as a form or raw.",
                limit={"limit_bytes": most_bytes},
            )
    return bytes(body)
