"""A request that is sent again under its key is done once, and answered as it was."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.acceptance import pictures, raw
from tests.acceptance.api import API, fields_of, problem
from tests.acceptance.system import System, eventually, started


@pytest.fixture
def key() -> str:
    return str(uuid.uuid4())


def post(api: API, key: str, picture: bytes) -> httpx2.Response:
    return api.post("/api/v1/images", content=picture, headers={"idempotency-key": key})


def test_the_same_picture_under_the_same_key_gets_the_stored_answer(
    api: API, key: str, photo: bytes
) -> None:
    first = post(api, key, photo)

    again = post(api, key, photo)
    as_form = api.post(
        "/api/v1/images", files={"file": ("a.jpg", photo)}, headers={"idempotency-key": key}
    )

    assert [each.status_code for each in (first, again, as_form)] == [201, 201, 201]
    assert again.content == as_form.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert {each.headers["idempotency-replayed"] for each in (again, as_form)} == {"true"}


def test_that_a_picture_was_kept_already_is_answered_again_too(
    api: API, key: str, photo: bytes
) -> None:
    api.upload(photo)

    answers = [post(api, key, photo) for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 200]
    assert answers[1].headers["idempotency-replayed"] == "true"


def test_another_picture_under_the_same_key_is_refused(api: API, key: str, photo: bytes) -> None:
    post(api, key, photo)

    problem(post(api, key, pictures.png()), 422, "idempotency_key_reused")
    assert post(api, key, photo).headers["idempotency-replayed"] == "true"


def test_what_was_refused_is_not_remembered(api: API, key: str, photo: bytes) -> None:
    form = api.post(
        "/api/v1/images",
        files={"file": photo},
        data={"colour": "red"},
        headers={"idempotency-key": key},
    )
    refused = post(api, key, b"no picture")

    accepted = post(api, key, photo)

    assert fields_of(problem(form, 422, "invalid_request")) == {"colour"}
    problem(refused, 415, "unsupported_format")
    assert (accepted.status_code, accepted.headers.get("idempotency-replayed")) == (201, None)


@pytest.mark.parametrize("key", ["", "x" * 256, "k\xe9y"])
def test_a_key_that_cannot_be_used_is_refused_by_name(api: API, key: str, photo: bytes) -> None:
    answer = api.post(
        "/api/v1/images", content=photo, headers={b"idempotency-key": key.encode("latin-1")}
    )

    assert fields_of(problem(answer, 422, "invalid_request")) == {"Idempotency-Key"}


def test_fifty_at_once_under_one_key_make_one_image(
    api: API, system: System, key: str, photo: bytes
) -> None:
    originals = system.data / "objects/originals"
    before = sum(each.is_file() for each in originals.rglob("*"))

    with ThreadPoolExecutor(50) as senders:
        answers = list(senders.map(lambda _: post(api, key, photo), range(50)))

    made = [each for each in answers if each.status_code == 201]
    waiting = [each for each in answers if each.status_code == 409]
    replayed = [each for each in made if each.headers.get("idempotency-replayed")]
    assert len(made) + len(waiting) == 50
    assert len(made) - len(replayed) == 1
    assert len({each.content for each in made}) == 1
    assert {each.json()["code"] for each in waiting} <= {"request_in_progress"}
    assert {each.headers["retry-after"] for each in waiting} <= {"1"}
    assert sum(each.is_file() for each in originals.rglob("*")) == before + 1


def test_while_the_first_is_running_the_second_is_told_to_wait(
    api: API, system: System, key: str
) -> None:
    picture = pictures.png(1400, 1000)
    more = (f"idempotency-key: {key}", f"content-length: {len(picture)}")
    head = raw.head(system, "POST", "/api/v1/images", *more)

    with raw.begun(system, head, picture[:-1]) as end:
        eventually(lambda: is_being_written(system))
        refused = post(api, key, picture)
        answered = end(picture[-1:])

    problem(refused, 409, "request_in_progress")
    assert refused.headers["retry-after"] == "1"
    assert raw.status_of(answered) == 201
    assert post(api, key, picture).headers["idempotency-replayed"] == "true"


def is_being_written(system: System) -> bool:
    return any((system.data / "objects/originals").rglob(".draft-*"))


def test_an_answer_is_remembered_across_a_kill(tmp_path: Path, key: str, photo: bytes) -> None:
    with started(tmp_path / "data") as system, API(system) as api:
        first = post(api, key, photo)
        system.kill()

    with started(tmp_path / "data") as system, API(system) as api:
        again = post(api, key, photo)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content
