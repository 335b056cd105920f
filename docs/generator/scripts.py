"""What a request of the Postman collection must be answered, as the script that says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

_KINDS: Final[Mapping[str, str]] = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "array": "array",
    "object": "object",
}
"""Types of JSON Schema, as the assertions of Postman call them."""


def script_of(
    route: Mapping[str, Any], step: Mapping[str, Any], told: Mapping[str, Any]
) -> list[str]:
    """Write the script: the status, the type, the fields that must be there, and the rest."""
    expected = _expected(route, step)
    lines = [
        f'pm.test("is answered {" or ".join(map(str, expected))}", function () {{',
        f"    pm.expect(pm.response.code).to.be.oneOf({json.dumps(expected)});",
        "});",
        'pm.test("carries an id to ask for help with", function () {',
        '    pm.expect(pm.response.headers.has("X-Correlation-ID")).to.be.true;',
        "});",
    ]
    if step and (answer := _answer(route, expected[0])):
        lines += _typed(answer)
        lines += _filled(_schema(answer, told))
    for path, value in step.get("check", {}).items():
        lines += _checked(path, value)
    for name, path in step.get("keep", {}).items():
        lines.append(f'pm.collectionVariables.set("{name}", {_at(path)});')
    return lines


def _expected(route: Mapping[str, Any], step: Mapping[str, Any]) -> list[int]:
    """Give the statuses that are right; without a step, each that is described but no 5xx.

    What is asked about something that is not there cannot go well.
    """
    if "expect" in step:
        return step["expect"] if isinstance(step["expect"], list) else [step["expect"]]
    names_something = any(each["in"] == "path" for each in route.get("parameters", []))
    least = 400 if names_something else 200
    return sorted(int(each) for each in route["responses"] if least <= int(each) < 500)


def _answer(route: Mapping[str, Any], status: int) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = route["responses"].get(str(status), {}).get("content", {})
    return answer


def _typed(answer: Mapping[str, Any]) -> list[str]:
    """Assert the media type, where just one is described and it is no pattern."""
    types = list(answer)
    if len(types) != 1 or "*" in types[0]:
        return []
    return [
        f'pm.test("is {types[0]}", function () {{',
        f'    pm.expect(pm.response.headers.get("Content-Type")).to.include("{types[0]}");',
        "});",
    ]


def _schema(answer: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = answer.get("application/json", {}).get("schema", {})
    reference = found.get("$ref")
    if not isinstance(reference, str):
        return found
    schema: Mapping[str, Any] = told["components"]["schemas"][reference.rpartition("/")[2]]
    return schema


def _filled(schema: Mapping[str, Any]) -> list[str]:
    """Assert that each field that must be there is, and of its type where it has one."""
    required = schema.get("required", [])
    if not required:
        return []
    lines = ['pm.test("has the fields that are described", function () {']
    for name in required:
        kind = _KINDS.get(str(schema["properties"].get(name, {}).get("type")))
        lines.append(f'    pm.expect(pm.response.json()).to.have.property("{name}");')
        if kind:
            lines.append(f'    pm.expect(pm.response.json()["{name}"]).to.be.a("{kind}");')
    return [*lines, "});"]


def _checked(path: str, value: Any) -> list[str]:  # noqa: ANN401 - any JSON value
    wanted = json.dumps(value)
    if isinstance(value, str) and value.startswith("{{"):
        wanted = f'pm.collectionVariables.get("{value.strip("{}")}")'
    return [
        f'pm.test("{path} is as expected", function () {{',
        f"    pm.expect({_at(path)}).to.eql({wanted});",
        "});",
    ]


def _at(path: str) -> str:
    """Write the place in the answer that a path such as `jobs.0.status` names."""
    return "pm.response.json()" + "".join(
        f"[{each}]" if each.isdecimal() else f'["{each}"]' for each in path.split(".")
    )
