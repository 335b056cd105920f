"""What was kept is found again over HTTP, by its owner and by nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance import pictures
from tests.acceptance.accounts import client_of
from tests.acceptance.api import API, JSON, fields_of, good, problem
from tests.acceptance.system import System


@pytest.fixture
def other(system: System) -> Iterator[API]:
    with client_of(system, "finding-other") as client:
        yield client


def found(api: API, query: str) -> list[str]:
    return [each["image_id"] for each in good(api.get(f"/api/v1/images?{query}"))["images"]]


def described(api: API, picture: bytes) -> JSON:
    """Upload a form that says how its picture is described."""
    form = {"tags": "finding", "metadata": '{"of": "atlas"}'}
    return good(api.post("/api/v1/images", files={"file": ("Hafen.jpg", picture)}, data=form))


def test_an_owner_finds_an_image_and_nobody_else_does(api: API, other: API, photo: bytes) -> None:
    image = described(api, photo)
    theirs = described(other, photo)

    for query in ("tag=finding", "metadata.of=atlas", "q=hafen&format=jpeg&min_width=64"):
        assert found(api, query) == [image["image_id"]]
        assert found(other, query) == [theirs["image_id"]]
    good(other.patch(f"/api/v1/images/{theirs['image_id']}", json={"tags": ["only-theirs"]}))
    assert found(api, "tag=only-theirs") == found(api, "q=theirs") == []


def test_somebody_elses_image_answers_like_an_unknown_one(
    api: API, other: API, image_id: str
) -> None:
    path = f"/api/v1/images/{image_id}"
    for method, more in (("PATCH", ""), ("POST", "/links"), ("HEAD", "/content"), ("GET", "")):
        body = {"tags": ["x"]} if method == "PATCH" else {}
        foreign = other.request(method, f"{path}{more}", json=body)
        unknown = other.request(method, f"/api/v1/images/unknown{more}", json=body)

        assert foreign.status_code == unknown.status_code == 404
        assert method == "HEAD" or foreign.json()["detail"] == unknown.json()["detail"]
    assert good(api.get(path))["tags"] == []


def test_a_list_has_pages_and_wrong_questions_are_named(api: API) -> None:
    for _ in range(3):
        image_id = api.upload(pictures.jpeg())["image_id"]
        good(api.patch(f"/api/v1/images/{image_id}", json={"tags": ["paged"]}))

    first = good(api.get("/api/v1/images?tag=paged&limit=2"))
    second = good(api.get(f"/api/v1/images?tag=paged&limit=2&cursor={first['next']}"))
    wrong = problem(api.get("/api/v1/images?colour=red&tagg=x"), 422, "invalid_request")
    elsewhere = api.get(f"/api/v1/images?limit=2&cursor={first['next']}")

    assert (len(first["images"]), len(second["images"]), second["next"]) == (2, 1, None)
    assert fields_of(wrong) == {"colour", "tagg"}
    assert fields_of(problem(elsewhere, 422, "invalid_request")) == {"cursor"}


def test_an_upload_that_is_sent_again_means_its_description_too(api: API, photo: bytes) -> None:
    key = {"idempotency-key": f"finding-{len(photo)}-{hash(photo)}"}

    def sent(tags: str) -> int:
        file = {"file": ("a.jpg", photo)}
        return api.post("/api/v1/images", files=file, data={"tags": tags}, headers=key).status_code

    assert [sent("a"), sent("a"), sent("b")] == [201, 201, 422]


def test_half_a_sign_is_not_kept(api: API, image_id: str) -> None:
    answer = api.patch(
        f"/api/v1/images/{image_id}",
        content=b'{"tags": ["\\ud800"]}',
        headers={"content-type": "application/json"},
    )

    problem(answer, 400, "malformed_body")
