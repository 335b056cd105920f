"""The reference is made from the OpenAPI document, which leaves nothing for a reader to guess."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from imagemill.assembly import running
from imagemill.jobs.request import wish_of
from imagemill.operations import operations
from imagemill.processes import PROCESSES
from imagemill.settings import Settings

pytestmark = pytest.mark.server

OPEN = frozenset({"/health/live", "/health/ready"})
PATHS = ("/openapi.json", "/", "/docs", "/assets/docs.js", "/assets/gone.js")
Answers = Mapping[str, httpx2.Response]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Give what the whole system answers a stranger at each of the paths."""
    return asyncio.run(_asked(tmp_path_factory.mktemp("console")))


@pytest.fixture(scope="module")
def document(answers: Answers) -> dict[str, Any]:
    """Give the OpenAPI document."""
    found: dict[str, Any] = answers["/openapi.json"].json()
    return found


def test_strangers_get_the_pages_and_the_document(answers: Answers) -> None:
    assert {path: answers[path].status_code for path in PATHS[:4]} == dict.fromkeys(PATHS[:4], 200)


def test_an_unknown_file_is_a_problem(answers: Answers) -> None:
    answer = answers["/assets/gone.js"]

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}

    references = {value for key, value in _pairs(document) if key == "$ref"}

    assert references
    assert references - schemas == set()


def test_every_route_has_a_name_of_its_own_a_group_and_a_sentence(document: dict[str, Any]) -> None:
    routes = dict(_routes(document))
    groups = {each["name"] for each in document["tags"]}

    assert len({each["operationId"] for each in routes.values()}) == len(routes)
    assert [name for name, each in routes.items() if set(each["tags"]) - groups] == []
    assert [name for name, each in routes.items() if not each["summary"].endswith(".")] == []


def test_every_parameter_and_every_field_of_a_body_says_what_it_is_for(
    document: dict[str, Any],
) -> None:
    silent = [
        (route, name)
        for route, operation in _routes(document)
        for name, each in (*_parameters(operation), *_body_fields(operation))
        if not each.get("description") and "$ref" not in each
    ]

    assert silent == []


def test_only_what_services_open_and_the_questions_of_an_orchestrator_need_no_key(
    document: dict[str, Any],
) -> None:
    opened = tuple(path for each in PROCESSES for path in each.opens)
    without = {
        path
        for path, item in document["paths"].items()
        for operation in item.values()
        if operation.get("security") == []
    }

    assert {each for each in without if not each.startswith(opened)} == OPEN
    assert document["security"] == [{"key": []}, {"bearer": []}]


def test_every_route_with_a_key_tells_of_the_401(document: dict[str, Any]) -> None:
    routes = [(name, each) for name, each in _routes(document) if each.get("security") != []]

    assert [name for name, each in routes if "401" not in each["responses"]] == []


def test_every_operation_has_a_short_form_with_its_examples(document: dict[str, Any]) -> None:
    for name, step in operations().items():
        body = document["paths"][f"/api/v1/{name}"]["post"]["requestBody"]["content"]
        form = body["multipart/form-data"]

        shown = [each["value"] for each in form["examples"].values()]

        written = [dict(each.parameters) for each in step.examples]
        assert shown == [each for each in written if set(each) <= set(form["schema"]["properties"])]
        assert shown


def test_every_example_of_a_short_form_names_only_fields_that_there_are(
    document: dict[str, Any],
) -> None:
    for name in operations():
        body = document["paths"][f"/api/v1/{name}"]["post"]["requestBody"]["content"]
        media = body["application/json"]

        for each in media["examples"].values():
            assert set(each["value"]) <= set(media["schema"]["properties"])
            assert set(media["schema"]["required"]) <= set(each["value"])


def test_a_raw_picture_has_the_same_parameters_in_the_query(document: dict[str, Any]) -> None:
    operation = document["paths"]["/api/v1/resize"]["post"]
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]

    query = {name for name, _ in _parameters(operation)}

    assert query - {"dry_run", "Prefer", "Idempotency-Key"} == form.keys() - {"file"}


def test_the_example_of_a_job_can_be_asked_for(document: dict[str, Any]) -> None:
    media = document["paths"]["/api/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]

    wish = wish_of(media["example"])

    assert set(wish.outputs) == {"card", "thumb"}


async def _asked(data: Path) -> Answers:
    async with running(Settings(data=data)) as system:
        transport = httpx2.ASGITransport(app=system.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://imagemill") as client:
            return {path: await client.get(path) for path in PATHS}


def _routes(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method} {path}", operation


def _parameters(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for each in operation.get("parameters", ()):
        yield each["name"], each


def _body_fields(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for media in operation.get("requestBody", {}).get("content", {}).values():
        yield from media["schema"].get("properties", {}).items()


def _pairs(value: object) -> Iterator[tuple[str, Any]]:
    """Yield every key of a document with its value, at any depth."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield key, each
            yield from _pairs(each)
    if isinstance(value, list):
        for each in value:
            yield from _pairs(each)
