"""Work that is asked for again under its `Idempotency-Key` is done once, and answered as it was."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, good, problem

SMALL: dict[str, list[JSON]] = {"small": [{"op": "resize", "width": 32}]}


@pytest.fixture
def key() -> str:
    return str(uuid.uuid4())


def submitted(api: API, key: str, image_id: str, **more: object) -> httpx2.Response:
    job = {"input": {"image_id": image_id}, "outputs": SMALL, "fresh": True, **more}
    return api.post("/api/v1/jobs", json=job, headers={"idempotency-key": key})


def jobs_on(api: API, image_id: str) -> list[JSON]:
    found: list[JSON] = good(api.get("/api/v1/jobs", params={"image": image_id}))["jobs"]
    return found


def test_the_same_job_under_the_same_key_is_one_job(api: API, image_id: str, key: str) -> None:
    first = submitted(api, key, image_id)

    again = submitted(api, key, image_id)

    assert (first.status_code, again.status_code) == (202, 202)
    assert (again.content, again.headers["location"]) == (first.content, first.headers["location"])
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(jobs_on(api, image_id)) == 1


def test_fifty_at_once_are_one_job(api: API, image_id: str, key: str) -> None:
    with ThreadPoolExecutor(50) as senders:
        answers = list(senders.map(lambda _: submitted(api, key, image_id), range(50)))

    accepted = [each for each in answers if each.status_code == 202]
    waiting = [each for each in answers if each.status_code == 409]
    assert len(accepted) + len(waiting) == 50
    assert len({each.content for each in accepted}) == 1
    assert {each.json()["code"] for each in waiting} <= {"request_in_progress"}
    assert len([each for each in accepted if "idempotency-replayed" not in each.headers]) == 1
    assert len(jobs_on(api, image_id)) == 1


@pytest.mark.parametrize("other", [{"priority": "high"}, {"fresh": False}, {"max_retries": 2}])
def test_another_job_under_the_same_key_is_refused(
    api: API, image_id: str, key: str, other: JSON
) -> None:
    submitted(api, key, image_id)

    problem(submitted(api, key, image_id, **other), 422, "idempotency_key_reused")

    assert len(jobs_on(api, image_id)) == 1


def test_the_same_job_in_other_words_is_the_same_request(api: API, image_id: str, key: str) -> None:
    first = submitted(api, key, image_id)

    spelled_out = {"small": [{"op": "resize", "width": 32, "fit": "cover"}]}
    again = submitted(api, key, image_id, outputs=spelled_out, priority="normal")

    assert again.content == first.content


def test_a_refused_job_is_not_remembered(api: API, image_id: str, key: str) -> None:
    problem(submitted(api, key, image_id, priority="urgent"), 422, "invalid_request")
    problem(submitted(api, key, "nobody"), 404, "not_found")

    assert "idempotency-replayed" not in submitted(api, key, image_id).headers


def test_a_short_form_with_its_picture_is_one_job(api: API, photo: bytes, key: str) -> None:
    def sent(picture: bytes, width: int = 20) -> httpx2.Response:
        return api.post(
            "/api/v1/resize",
            files={"file": ("p.jpg", picture)},
            data={"width": str(width)},
            headers={"idempotency-key": key},
        )

    first, again = sent(photo), sent(photo)

    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content
    problem(sent(photo, width=21), 422, "idempotency_key_reused")
    problem(sent(pictures.png()), 422, "idempotency_key_reused")


def test_fifty_short_forms_at_once_are_one_job(api: API, photo: bytes, key: str) -> None:
    def sent(_: int) -> httpx2.Response:
        return api.post("/api/v1/flip?fresh=1", content=photo, headers={"idempotency-key": key})

    with ThreadPoolExecutor(50) as senders:
        answers = list(senders.map(sent, range(50)))

    assert {each.status_code for each in answers} <= {202, 409}
    image_id = api.upload(photo)["image_id"]
    assert len(jobs_on(api, image_id)) == 1


def test_who_waits_for_the_end_gets_it_the_second_time_too(
    api: API, image_id: str, key: str
) -> None:
    first = submitted(api, key, image_id)

    waited = api.post(
        "/api/v1/jobs",
        json={"input": {"image_id": image_id}, "outputs": SMALL, "fresh": True},
        headers={"idempotency-key": key, "prefer": "wait=30"},
    )

    assert (waited.status_code, waited.headers["idempotency-replayed"]) == (200, "true")
    assert (waited.json()["job_id"], waited.json()["status"]) == (
        first.json()["job_id"],
        "completed",
    )


def test_a_replay_under_a_key_is_made_once(api: API, key: str) -> None:
    image_id = api.upload(pictures.jpeg(1600, 1200))["image_id"]
    slow: dict[str, list[JSON]] = {"slow": [{"op": "convert", "format": "avif", "effort": 9}]}
    old = api.submit(image_id, slow, fresh=True).json()["job_id"]
    good(api.post(f"/api/v1/jobs/{old}/cancel"))

    headers = {"idempotency-key": key}
    first, again = (api.post(f"/api/v1/jobs/{old}/replay", headers=headers) for _ in range(2))
    good(api.post(f"{first.json()['url']}/cancel"))

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.content == again.content
    assert len(jobs_on(api, image_id)) == 2
