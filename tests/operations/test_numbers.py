"""Numbers of steps: as JSON and as forms spell them, and nothing else that Python takes for one."""

from __future__ import annotations

from typing import Any

import pytest

from imagemill.errors import InvalidRequest
from imagemill.operations import operations
from imagemill.pipeline import normal, parse_step


def every_number() -> list[tuple[str, str]]:
    return [
        (op, field)
        for op, step in operations().items()
        for field, schema in step.model_json_schema()["properties"].items()
        if {"integer", "number"} & {each.get("type") for each in (schema, *schema.get("anyOf", ()))}
    ]


@pytest.mark.parametrize(("op", "field"), every_number())
@pytest.mark.parametrize("value", [True, False])
def test_true_is_no_number(op: str, field: str, *, value: bool) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_step({"op": op, field: value})

    problems = {error.field: error.problem for error in refusal.value.errors}
    assert problems[field] == "is a number, not true or false."


@pytest.mark.parametrize("width", [400, "400", 400.0])
def test_a_number_may_be_spelled_as_in_a_form(width: object) -> None:
    step = parse_step({"op": "resize", "width": width, "height": None})

    assert normal([step])[0]["width"] == 400


@pytest.mark.parametrize("said", [{"enlarge": True}, {"enlarge": "true"}, {"enlarge": "1"}])
def test_yes_and_no_stay_what_they_are(said: dict[str, Any]) -> None:
    step = parse_step({"op": "resize", "width": 5, **said})

    assert normal([step])[0]["enlarge"] is True
