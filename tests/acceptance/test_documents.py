"""The simpler routes: a picture in with one request, and a status in capital letters."""

from __future__ import annotations

import json
import secrets

import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, fields_of, good, problem
from tests.acceptance.system import eventually


def uploaded(api: API, picture: bytes, **fields: str) -> JSON:
    answer = api.post("/uploads", files={"file": ("photo.jpg", picture)}, data=fields)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/status/{answer.json()['requestId']}"
    told: JSON = answer.json()
    return told


def ended(api: API, request_id: str) -> JSON:
    def status() -> JSON | None:
        told = good(api.get(f"/status/{request_id}"))
        return told if told["status"] in {"COMPLETED", "FAILED"} else None

    return eventually(status)


def test_an_upload_is_stored_anew_and_its_facts_are_told(api: API, photo: bytes) -> None:
    promise = uploaded(api, photo)

    told = ended(api, promise["requestId"])

    assert promise["status"] in {"PENDING", "PROCESSING", "COMPLETED"}
    assert (told["status"], told["customerId"]) == ("COMPLETED", "admin")
    assert (told["retryCount"], told["originUrl"], told["error"]) == (0, None, None)
    assert (told["metadata"]["width"], told["metadata"]["format"]) == (64, "jpeg")
    assert pictures.opened(api.get(told["imageUrl"]).content).size == (64, 48)
    assert told["results"].keys() == {"image", "metadata"}
    assert isinstance(told["createdAt"], int)


@pytest.mark.parametrize("path", ["/status", "/api/status"])
@pytest.mark.parametrize("name", ["requestId", "imageId"])
def test_a_status_is_found_by_the_request_and_by_its_image(
    api: API, photo: bytes, path: str, name: str
) -> None:
    promise = uploaded(api, photo)

    told = good(api.get(f"{path}/{promise[name]}"))

    assert told["requestId"] == promise["requestId"]


def test_an_upload_may_say_what_shall_be_made(api: API, photo: bytes) -> None:
    outputs = {"tiny": [{"op": "resize", "width": 8}]}

    told = ended(api, uploaded(api, photo, outputs=json.dumps(outputs))["requestId"])

    assert told["results"].keys() == {"tiny"}
    assert (told["imageUrl"], told["metadata"]) == (None, None)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"outputs": "{"}, "outputs"),
        ({"outputs": '{"a": [{"op": "resize", "width": 0}]}'}, "outputs.a.0.width"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_with_an_upload_is_named(
    api: API, photo: bytes, fields: dict[str, str], wrong: str
) -> None:
    answer = api.post("/uploads", files={"file": ("photo.jpg", photo)}, data=fields)

    assert wrong in fields_of(problem(answer, 422, "invalid_request"))


def test_an_upload_with_a_key_is_taken_on_once(api: API, photo: bytes) -> None:
    headers = {"idempotency-key": secrets.token_hex(8)}
    files = {"file": ("photo.jpg", photo)}

    first, again = (api.post("/uploads", files=files, headers=headers) for _ in range(2))

    assert first.status_code == again.status_code == 202
    assert first.json()["requestId"] == again.json()["requestId"]
    assert again.headers["idempotency-replayed"] == "true"


def test_requests_are_listed_page_by_page(api: API) -> None:
    made = [uploaded(api, pictures.jpeg())["requestId"] for _ in range(3)]
    for each in made:
        ended(api, each)

    first = good(api.get("/images", params={"limit": 2, "status": "COMPLETED"}))
    second = good(api.get("/images", params={"limit": 2, "cursor": first["next"]}))

    listed = [each["requestId"] for each in first["images"] + second["images"]]
    assert len(first["images"]) == 2
    assert set(made) <= set(listed)


def test_a_request_that_is_not_there_is_told_as_such(api: API) -> None:
    problem(api.get("/status/unknown"), 404, "not_found")
    problem(api.get("/images", params={"status": "completed"}), 422, "invalid_request")


@pytest.mark.parametrize("path", ["/images", "/url"])
@pytest.mark.parametrize("body", [{}, {"url": 7}, {"url": "x", "colour": "red"}])
def test_what_is_wrong_with_a_url_is_named(api: API, path: str, body: JSON) -> None:
    told = problem(api.post(path, json=body), 422, "invalid_request")

    assert fields_of(told) & {"url", "colour"}
