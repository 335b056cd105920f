"""What a client asks for many images at once, read from JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imagemill.errors import FieldError, InvalidRequest
from imagemill.jobs.request import JobInput, Pipeline, TermsRequest, Wish, wish_of
from imagemill.pipeline import field_errors

MAX_ITEMS: Final = 10_000
"""Items of one batch."""
_MOST_ERRORS: Final = 50
"""Wrong fields that one answer names; the same mistake in 10,000 items is one mistake."""


class BatchItem(BaseModel):
    """One image of a batch, and what is special about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: JobInput
    outputs: dict[str, Pipeline] | None = Field(
        default=None, description="Outputs of this item; left out, those of the batch."
    )


class BatchRequest(TermsRequest):
    """Outputs to make of many images."""

    items: list[BatchItem] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_ITEMS,
        description="The images; left out where a form carries them as its fields `file`.",
    )
    outputs: dict[str, Pipeline] | None = Field(
        default=None, description="Outputs of every item that names none of its own."
    )
    fresh: bool = Field(
        default=False, description="Work even where the same result is stored already."
    )


@dataclass(frozen=True, slots=True)
class BatchWish:
    """A batch request that was read and found possible, pictures apart."""

    items: Sequence[Wish]
    """A wish for each item; empty where a form carries the pictures."""
    each: Wish | None
    """What is wished of every picture that a form carries; None where items name images."""
    webhook_url: str | None = None
    """Where to tell of the batch's end; its jobs tell nobody of theirs."""


def batch_wish_of(value: Mapping[str, Any], *, has_files: bool) -> BatchWish:
    """Read a batch; raises `InvalidRequest` naming what is wrong, up to 50 fields."""
    try:
        asked = BatchRequest.model_validate(value)
    except ValidationError as error:
        found = field_errors(error)[:_MOST_ERRORS]
        raise InvalidRequest("The batch asks for what cannot be done.", errors=found) from error
    if has_files == (asked.items is not None):
        what = "must not stand beside files." if has_files else "is missing; name the images."
        raise _wrong(FieldError("items", what))
    of_each = {"fresh", *TermsRequest.model_fields} - {"webhook_url"}
    about = {name: value[name] for name in of_each if name in value}
    every = _every(value, about) if asked.outputs is not None or has_files else None
    items = [
        _item(asked.items[at], value["items"][at], at, every, about)
        for at in range(len(asked.items or ()))
        if asked.items
    ]
    return BatchWish(items, every if has_files else None, asked.webhook_url)


def _every(value: Mapping[str, Any], about: Mapping[str, Any]) -> Wish:
    return wish_of({"outputs": value.get("outputs", {}), **about})


def _item(
    item: BatchItem, given: Mapping[str, Any], at: int, every: Wish | None, about: Mapping[str, Any]
) -> Wish:
    if item.outputs is None and every is None:
        raise _wrong(FieldError(f"items.{at}.outputs", "is missing, and the batch has none."))
    if item.outputs is None:
        assert every is not None
        return replace(every, image_id=item.input.image_id, url=item.input.url)
    try:
        return wish_of({**given, **about})
    except InvalidRequest as error:
        errors = [FieldError(f"items.{at}.{each.field}", each.problem) for each in error.errors]
        raise InvalidRequest("The batch asks for what cannot be done.", errors=errors) from error


def _wrong(*errors: FieldError) -> InvalidRequest:
    return InvalidRequest("The batch asks for what cannot be done.", errors=errors)
