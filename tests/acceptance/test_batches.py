"""Many images by one request: counted, told, cancelled and done again as one."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Sequence

import httpx2
import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, fields_of, good, problem
from tests.acceptance.sse import events_of
from tests.acceptance.system import eventually

SMALL: dict[str, list[JSON]] = {"small": [{"op": "resize", "width": 32}]}
OUTSIDE: dict[str, list[JSON]] = {
    "cut": [{"op": "trim"}, {"op": "crop", "left": 60, "top": 40, "width": 500, "height": 500}]
}
"""Cannot be made of these pictures, which is known only when one is looked at."""
SLOW: dict[str, list[JSON]] = {"slow": [{"op": "convert", "format": "avif", "effort": 9}]}


def items_on(ids: Sequence[str]) -> list[JSON]:
    return [{"input": {"image_id": each}} for each in ids]


def batch(api: API, ids: Sequence[str], **more: object) -> httpx2.Response:
    asked = {"items": items_on(ids), "outputs": SMALL, **more}
    return api.post("/api/v1/batches", json=asked)


def ended(api: API, answer: httpx2.Response) -> JSON:
    assert answer.status_code == 202, answer.text
    url = answer.json()["url"]

    def finished() -> JSON | None:
        told = good(api.get(url))
        return told if told["finished_at"] else None

    return eventually(finished, within_s=60)


def counts(told: JSON) -> dict[str, int]:
    names = ("total", "queued", "processing", "completed", "failed", "cancelled")
    return {name: told[name] for name in names if told[name]}


def test_a_hundred_images_are_one_batch(api: API, image_id: str) -> None:
    ids = [image_id, *(api.upload(pictures.png(8, 8))["image_id"] for _ in range(9))]

    answer = batch(api, ids * 10, fresh=True)
    told = ended(api, answer)

    assert answer.headers["location"] == answer.json()["url"]
    assert (answer.json()["status"], counts(answer.json())) == (
        "processing",
        {"total": 100, "queued": 100},
    )
    assert (told["status"], counts(told)) == ("completed", {"total": 100, "completed": 100})
    first = good(api.get(f"{told['url']}/items", params={"limit": 60}))
    rest = good(api.get(f"{told['url']}/items", params={"limit": 60, "after": first["next"]}))
    assert (len(first["jobs"]), len(rest["jobs"]), rest["next"]) == (60, 40, None)
    listed = [each["input"]["image_id"] for each in first["jobs"] + rest["jobs"]]
    assert listed == ids * 10
    assert {each["batch_id"] for each in first["jobs"]} == {told["batch_id"]}


@pytest.fixture
def partial(api: API, image_id: str) -> JSON:
    """Give a batch of three that has ended and of which one item failed."""
    wrong = {"input": {"image_id": image_id}, "outputs": OUTSIDE}
    asked = {"items": [*items_on([image_id]), wrong, *items_on([image_id])], "outputs": SMALL}
    return ended(api, api.post("/api/v1/batches", json=asked))


def test_a_batch_of_which_some_failed_is_partial(api: API, partial: JSON) -> None:
    assert partial["status"] == "partial"
    assert counts(partial) == {"total": 3, "completed": 2, "failed": 1}
    (failed,) = good(api.get(f"{partial['url']}/items", params={"status": "failed"}))["jobs"]
    assert failed["error"]["code"] == "output_impossible"


def test_the_failed_items_are_done_again_alone(api: API, partial: JSON) -> None:
    answer = api.post(f"{partial['url']}/replay")

    again = ended(api, answer)
    assert (again["replay_of"], again["total"]) == (partial["batch_id"], 1)
    assert (again["status"], again["failed"]) == ("failed", 1)
    (job,) = good(api.get(f"{again['url']}/items"))["jobs"]
    assert job["replay_of"]


def test_a_batch_without_failures_is_not_done_again(api: API, image_id: str) -> None:
    told = ended(api, batch(api, [image_id]))

    problem(api.post(f"{told['url']}/replay"), 409, "conflict")
    problem(api.post(f"{told['url']}/cancel"), 409, "conflict")


def test_the_stream_of_a_batch_ends_with_its_one_end(api: API, image_id: str) -> None:
    answer = batch(api, [image_id] * 5, fresh=True)

    told = events_of(api.get(f"{answer.json()['url']}/events").text)

    types = Counter(each["type"] for each in told)
    assert (types["batch.completed"], types["job.completed"], types["job.queued"]) == (1, 5, 5)
    assert told[-1]["type"] == "batch.completed"
    assert "job_id" not in told[-1]
    assert {each["batch_id"] for each in told} == {answer.json()["batch_id"]}
    assert [each["id"] for each in told] == sorted({each["id"] for each in told})
    later = api.get(f"{answer.json()['url']}/events", headers={"last-event-id": str(told[7]["id"])})
    assert events_of(later.text) == told[8:]


def test_a_cancelled_batch_leaves_nothing_waiting(api: API) -> None:
    image_id = api.upload(pictures.jpeg(1200, 900))["image_id"]
    url = batch(api, [image_id] * 30, outputs=SLOW, fresh=True, priority="low").json()["url"]

    told = good(api.post(f"{url}/cancel"))

    assert told["finished_at"] is not None
    assert told["cancelled"] + told["completed"] == 30
    assert told["cancelled"] > 0
    states = {each["status"] for each in good(api.get(f"{url}/items"))["jobs"]}
    assert states <= {"cancelled", "completed"}


def test_who_would_wait_gets_the_ended_batch(api: API, image_id: str) -> None:
    asked = {"items": items_on([image_id, image_id]), "outputs": SMALL}

    answer = api.post("/api/v1/batches", json=asked, headers={"prefer": "wait=30"})

    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait")
    assert answer.json()["status"] == "completed"


def test_files_of_a_form_are_items_and_a_broken_one_fails_alone(api: API, photo: bytes) -> None:
    files = [
        ("file", ("good.jpg", photo)),
        ("file", ("broken.jpg", b"no picture at all")),
        ("file", ("other.png", pictures.png())),
    ]

    answer = api.post(
        "/api/v1/batches", files=files, data={"batch": json.dumps({"outputs": SMALL})}
    )

    told = ended(api, answer)
    assert (told["status"], counts(told)) == ("partial", {"total": 3, "completed": 2, "failed": 1})
    items = good(api.get(f"{told['url']}/items"))
    assert len(items["jobs"]) == 2
    (refused,) = items["refused"]
    assert (refused["position"], refused["name"]) == (1, "broken.jpg")
    assert refused["error"]["code"] == "unsupported_format"


def test_a_batch_under_a_key_is_made_once(api: API, image_id: str) -> None:
    headers = {"idempotency-key": str(uuid.uuid4())}
    asked = {"items": items_on([image_id] * 3), "outputs": SMALL}

    first, again = (api.post("/api/v1/batches", json=asked, headers=headers) for _ in range(2))
    other = api.post("/api/v1/batches", json={**asked, "fresh": True}, headers=headers)

    assert (first.content, again.headers["idempotency-replayed"]) == (again.content, "true")
    problem(other, 422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"items": []}, "items"),
        ({"items": None}, "items"),
        ({"outputs": None}, "items.0.outputs"),
        ({"priority": "urgent"}, "priority"),
        ({"colour": "red"}, "colour"),
        ({"items": [{"input": {"image_id": "nobody"}}]}, "items.0.input.image_id"),
        ({"items": [{"input": {"image_id": "a"}, "when": 1}]}, "items.0.when"),
        ({"outputs": {"a": [{"op": "melt"}]}}, "outputs.a.0.op"),
    ],
)
def test_a_batch_that_cannot_be_meant_is_refused_by_name(
    api: API, image_id: str, change: JSON, field: str
) -> None:
    answer = batch(api, [image_id], **change)

    assert fields_of(problem(answer, 422, "invalid_request")) == {field}


def test_a_batch_has_ten_thousand_items_at_most(api: API, image_id: str) -> None:
    answer = batch(api, [image_id] * 10_001)

    assert fields_of(problem(answer, 422, "invalid_request")) == {"items"}


def test_a_batch_that_is_not_there_is_not_found(api: API) -> None:
    at = "/api/v1/batches/nobody"

    for answer in (
        api.get(at),
        api.get(f"{at}/items"),
        api.get(f"{at}/events"),
        api.post(f"{at}/cancel"),
        api.post(f"{at}/replay"),
    ):
        problem(answer, 404, "not_found")
