"""The OpenAPI document tells the truth: what it describes is there and answers as described."""

from __future__ import annotations

import re
from typing import Any

import pytest

from imagemill.operations import operations
from tests.acceptance.api import API, JSON, good


@pytest.fixture
def document(api: API) -> JSON:
    return good(api.get("/openapi.json"))


def described(document: JSON) -> list[tuple[str, str, JSON]]:
    """List (path, method, route) of everything that is described."""
    return [
        (path, method, route)
        for path, methods in document["paths"].items()
        for method, route in methods.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]


def references(value: Any) -> list[str]:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for each in value.values() for found in references(each)]
    if isinstance(value, list):
        return [found for each in value for found in references(each)]
    return []


def test_every_described_route_is_there_and_answers_as_described(api: API, document: JSON) -> None:
    for path, method, route in described(document):
        answer = api.request(method, re.sub(r"{\w+}", "x", path), content=b"x")

        kind = answer.headers.get("content-type", "").partition(";")[0]
        assert answer.status_code != 405, (path, method)
        assert str(answer.status_code) in route["responses"], (path, method, answer.status_code)
        assert kind in route["responses"][str(answer.status_code)].get("content", {}), path


def test_every_route_has_a_name_that_programs_can_have(document: JSON) -> None:
    names = [route["operationId"] for _, _, route in described(document)]

    assert [each for each in names if not each.isidentifier()] == []
    assert len(set(names)) == len(names)


def test_every_short_form_is_described_with_its_parameters(document: JSON) -> None:
    for name, step in operations().items():
        content = document["paths"][f"/api/v1/{name}"]["post"]["requestBody"]["content"]

        fields = content["multipart/form-data"]["schema"]["properties"].keys()

        assert {"file", *step.model_fields} - {"op"} <= fields


def test_what_a_short_form_takes_besides_is_described(document: JSON) -> None:
    fields = document["paths"]["/api/v1/resize"]["post"]["requestBody"]["content"][
        "multipart/form-data"
    ]["schema"]["properties"]

    assert {"format", "quality"} <= fields.keys()


def test_every_reference_leads_somewhere(document: JSON) -> None:
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}

    assert set(references(document)) - known == set()


def test_every_route_has_a_name_of_its_own_and_says_what_it_does(document: JSON) -> None:
    routes = [route for _, _, route in described(document)]

    names = [route["operationId"] for route in routes]

    assert len(set(names)) == len(names)
    assert all(route["summary"] for route in routes)


def test_parameters_in_a_path_are_described(document: JSON) -> None:
    for path, method, route in described(document):
        told = {each["name"] for each in route.get("parameters", []) if each["in"] == "path"}

        assert told == set(re.findall(r"{(\w+)}", path)), (path, method)


def test_nothing_internal_is_described(document: JSON) -> None:
    assert not [path for path in document["paths"] if "internal" in path]


def test_the_document_is_sent_once_to_who_keeps_it(api: API) -> None:
    tag = api.get("/openapi.json").headers["etag"]

    assert api.get("/openapi.json", headers={"if-none-match": tag}).status_code == 304
