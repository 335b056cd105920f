"""A pipeline: steps read from JSON, completed, predicted and written back in one normal form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from imagemill.contracts.wording import problem_with
from imagemill.errors import FieldError, InvalidRequest
from imagemill.operations import Frame, Kind, Step, operations

if TYPE_CHECKING:
    from imagemill.contracts.facts import Facts

MAX_STEPS = 30
"""Steps in one pipeline."""


def parse(steps: Iterable[Mapping[str, Any]], *, at: str = "") -> tuple[Step, ...]:
    """Read steps from JSON objects and end them in an encoding.

    `at` is the path to the list in the caller's words, put before each field that is wrong.
    Raises `InvalidRequest` naming every wrong field of every step at once.
    """
    listed = list(steps)
    errors: list[FieldError] = []
    parsed: list[Step] = []
    if len(listed) > MAX_STEPS:
        errors.append(FieldError(at, f"has {len(listed)} steps; at most {MAX_STEPS} are taken."))
    for number, step in enumerate(listed):
        path = f"{at}.{number}" if at else str(number)
        try:
            parsed.append(parse_step(step, at=path))
        except InvalidRequest as wrong:
            errors.extend(wrong.errors)
    errors.extend(_misplaced(parsed, at) if not errors else ())
    if errors:
        raise InvalidRequest("The pipeline has steps that cannot be taken.", errors=errors)
    return _ended(parsed)


def parse_step(step: Mapping[str, Any], *, at: str = "") -> Step:
    """Read one step; raises `InvalidRequest` naming each wrong field of it."""
    name = step.get("op")
    known = operations()
    if not isinstance(name, str) or name not in known:
        problem = f"is not an operation; known are {', '.join(known)}."
        raise InvalidRequest("Unknown operation.", errors=[FieldError(_path(at, "op"), problem)])
    try:
        return known[name].model_validate(dict(step))
    except ValidationError as error:
        raise InvalidRequest(
            f"The parameters of {name} cannot be taken.", errors=field_errors(error, at=at)
        ) from error


def normal(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Write steps with every default filled in, so that equal work looks equal."""
    return [step.model_dump(mode="json", exclude_none=True) for step in steps]


def predict(steps: Sequence[Step], facts: Facts) -> tuple[int, int] | None:
    """Tell (width, height) in pixels of what the steps will make, or None if pixels decide."""
    frame: Frame | None = first_frame(facts)
    for step in steps:
        if frame is None or step.kind is Kind.DATA:
            return None
        frame = step.frame(frame)
    return (frame.width, frame.height) if frame else None


def first_frame(facts: Facts) -> Frame:
    """Give what a pipeline's first step will find."""
    return Frame(
        width=facts.width,
        height=facts.height,
        format=facts.format,
        has_alpha=facts.has_alpha,
        frames=facts.frames,
    )


def field_errors(error: ValidationError, *, at: str = "") -> list[FieldError]:
    """Turn pydantic's findings into fields in the caller's words."""
    return [
        FieldError(_path(at, *(str(part) for part in found["loc"])), problem_with(found))
        for found in error.errors(include_url=False, include_input=False)
    ]


def _path(*parts: str) -> str:
    return ".".join(part for part in parts if part)


def _misplaced(steps: Sequence[Step], at: str) -> list[FieldError]:
    return [
        FieldError(_path(at, str(number)), f"{step.op} ends a pipeline; nothing can follow it.")
        for number, step in enumerate(steps[:-1])
        if step.kind is not Kind.PIXELS
    ]


def _ended(steps: Sequence[Step]) -> tuple[Step, ...]:
    if steps and steps[-1].kind is not Kind.PIXELS:
        return tuple(steps)
    return (*steps, operations()["convert"].model_validate({"op": "convert"}))
