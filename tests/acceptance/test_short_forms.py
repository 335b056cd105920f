"""Every operation found has a short form, and each of its examples works in it."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from imagemill.operations import Kind, operations
from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, as_field, fields_of, good, problem

WIDTH, HEIGHT = 120, 90

EXAMPLES = [
    pytest.param(name, dict(example.parameters), id=f"{name}: {example.title}")
    for name, step in operations().items()
    for example in step.examples
]


def told_size(told: JSON) -> tuple[int | None, int | None]:
    return told["width"], told["height"]


@pytest.mark.parametrize(("name", "parameters"), EXAMPLES)
def test_an_example_is_made_as_it_was_predicted(
    api: API, name: str, parameters: dict[str, Any]
) -> None:
    picture = pictures.jpeg(WIDTH, HEIGHT)
    image_id = api.upload(picture)["image_id"]
    step = {"op": name, **parameters}
    job = {"input": {"image_id": image_id}, "outputs": {"result": [step]}}

    predicted = good(api.post("/api/v1/jobs?dry_run=1", json=job))["outputs"]["result"]
    made = api.completed(api.short(name, picture, **parameters))

    result, data = made["result"], api.result(made)
    assert (made["type"], list(made["outputs"])) == (name, ["result"])
    if operations()[name].kind is Kind.DATA:
        assert result["media_type"] == "application/json"
        assert isinstance(json.loads(data), dict)
    else:
        assert pictures.opened(data).size == told_size(result)
        assert told_size(predicted) in {told_size(result), (None, None)}


@pytest.mark.parametrize("name", operations())
def test_a_short_form_takes_a_raw_picture_and_the_query(api: API, name: str) -> None:
    parameters = operations()[name].examples[0].parameters
    query = {key: as_field(value) for key, value in parameters.items()}

    answer = api.post(f"/api/v1/{name}", content=pictures.jpeg(WIDTH, HEIGHT), params=query)

    assert api.completed(answer)["type"] == name


@pytest.mark.parametrize("name", operations())
def test_a_short_form_takes_json_with_an_image_id(api: API, image_id: str, name: str) -> None:
    parameters = operations()[name].examples[0].parameters
    own = "image_id" in operations()[name].model_fields
    image: JSON = {"input": {"image_id": image_id}} if own else {"image_id": image_id}

    answer = api.post(f"/api/v1/{name}", json={**image, **parameters})

    assert api.completed(answer)["input"] == {"image_id": image_id}


@pytest.mark.parametrize("name", operations())
def test_a_field_that_an_operation_does_not_know_is_refused_by_name(api: API, name: str) -> None:
    parameters = operations()[name].examples[0].parameters

    answer = api.short(name, pictures.jpeg(), **parameters, widht=3, fresh_fish=1)

    assert {"widht", "fresh_fish"} <= fields_of(problem(answer, 422, "invalid_request"))


@pytest.mark.parametrize("name", operations())
def test_an_operation_is_described_with_what_it_takes(api: API, name: str) -> None:
    told = good(api.get(f"/api/v1/operations/{name}"))

    assert told["name"] == name
    assert set(told["parameters"]["properties"]) == set(operations()[name].model_fields) - {"op"}
    assert told["examples"]


def test_every_operation_is_listed(api: API) -> None:
    listed = good(api.get("/api/v1/operations"))["operations"]

    assert [each["name"] for each in listed] == list(operations())


def test_a_short_form_names_the_format_and_quality_of_its_result(api: API, photo: bytes) -> None:
    job = api.completed(api.short("resize", photo, width=20, format="webp", quality=40))

    assert job["result"]["format"] == "webp"
    assert job["result"]["steps"][-1]["quality"] == 40


def test_curl_sends_a_picture_without_saying_what_it_is(api: API, photo: bytes) -> None:
    form = "application/x-www-form-urlencoded"

    answer = api.post("/api/v1/resize?width=20", content=photo, headers={"content-type": form})

    assert api.completed(answer)["result"]["width"] == 20


def test_a_dry_short_form_makes_nothing(api: API, photo: bytes) -> None:
    answer = api.post("/api/v1/resize?width=20&dry_run=1", content=photo)

    assert answer.status_code == httpx2.codes.OK
    assert answer.json()["outputs"]["result"]["width"] == 20
