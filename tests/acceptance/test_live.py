"""Waiting for a job, hearing what happens to it, ending it, and finding it again."""

from __future__ import annotations

import time
from itertools import pairwise

import httpx2
import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, fields_of, good, problem
from tests.acceptance.sse import events_of
from tests.acceptance.system import decoders, eventually, started

Outputs = dict[str, list[JSON]]
SMALL: Outputs = {"result": [{"op": "resize", "width": 32}, {"op": "convert", "format": "png"}]}
LONG: Outputs = {"slow": [{"op": "filter", "type": "median", "size": 15}]}


def test_who_would_wait_gets_the_ended_job(api: API, image_id: str) -> None:
    answer = api.post(
        "/api/v1/jobs",
        json={"input": {"image_id": image_id}, "outputs": SMALL},
        headers={"prefer": "respond-async, wait=30"},
    )

    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait"
    assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['job_id']}"
    assert answer.json()["status"] == "completed"


def test_who_would_wait_for_a_picture_gets_the_picture(api: API, photo: bytes) -> None:
    answer = api.post(
        "/api/v1/resize?width=32&format=png",
        content=photo,
        headers={"prefer": "wait=30", "accept": "image/png"},
    )

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.content.startswith(b"\x89PNG")
    assert "etag" in answer.headers


def test_a_job_that_takes_longer_than_the_wait_is_a_promise(api: API) -> None:
    answer = api.short("filter", pictures.jpeg(2000, 2000), type="median", size=15)
    waited = api.post(
        "/api/v1/filter?type=median&size=15&fresh=true",
        content=pictures.jpeg(2000, 2000),
        headers={"prefer": "wait=0"},
    )

    for promise in (answer, waited):
        assert promise.status_code == 202
        # Only to free the worker; on a busy machine it may have ended by now.
        api.post(f"/api/v1/jobs/{promise.json()['job_id']}/cancel")


def test_a_job_tells_its_events_in_order_and_the_stream_ends_with_it(
    api: API, image_id: str
) -> None:
    job = api.completed(api.submit(image_id, SMALL, fresh=True))

    answer = api.get(f"/api/v1/jobs/{job['job_id']}/events")

    told = events_of(answer.text)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [each["type"] for each in told] == ["job.queued", "job.started", "job.completed"]
    assert all(before["id"] < after["id"] for before, after in pairwise(told))
    assert {each["job_id"] for each in told} == {job["job_id"]}


@pytest.mark.parametrize("by", ["last-event-id", "after"])
def test_a_stream_goes_on_where_it_was_left(api: API, image_id: str, by: str) -> None:
    job = api.completed(api.submit(image_id, SMALL, fresh=True))
    url = f"/api/v1/jobs/{job['job_id']}/events"
    first, *rest = events_of(api.get(url).text)

    if by == "after":
        again = api.get(url, params={"after": first["id"]})
    else:
        again = api.get(url, headers={"last-event-id": str(first["id"])})

    assert events_of(again.text) == rest


def test_a_stream_that_is_opened_early_hears_the_end(api: API) -> None:
    answer = api.short("blur", pictures.jpeg(1500, 1500), sigma=20)

    told = events_of(api.get(f"/api/v1/jobs/{answer.json()['job_id']}/events").text)

    assert told[-1]["type"] == "job.completed"


def test_a_stream_of_no_job_or_from_nowhere_is_refused(api: API, image_id: str) -> None:
    job = api.completed(api.submit(image_id, SMALL))

    problem(api.get("/api/v1/jobs/nobody/events"), 404, "not_found")
    problem(
        api.get(f"/api/v1/jobs/{job['job_id']}/events", headers={"last-event-id": "x"}),
        422,
        "invalid_request",
    )


def test_a_running_job_is_cancelled_and_its_child_is_killed(api: API) -> None:
    image_id = api.upload(pictures.jpeg(4000, 4000))["image_id"]
    job_id = api.submit(image_id, LONG, fresh=True).json()["job_id"]
    eventually(lambda: api.job(job_id)["status"] == "processing")

    cancelled = good(api.post(f"/api/v1/jobs/{job_id}/cancel"))

    assert cancelled["status"] == "cancelled"
    told = events_of(api.get(f"/api/v1/jobs/{job_id}/events").text)
    assert told[-1]["type"] == "job.cancelled"
    problem(api.post(f"/api/v1/jobs/{job_id}/cancel"), 409, "conflict")


def test_a_cancelled_job_frees_its_worker(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("one") / "data"
    with started(data, settings={"worker_concurrency": "1"}) as system, API(system) as api:
        eventually(api.is_ready)
        image_id = api.upload(pictures.jpeg(4000, 4000))["image_id"]
        slow = api.submit(image_id, LONG, fresh=True).json()["job_id"]
        eventually(lambda: api.job(slow)["status"] == "processing")
        before = set(decoders(system.pid))

        good(api.post(f"/api/v1/jobs/{slow}/cancel"))

        quick = api.submit(image_id, SMALL, fresh=True)
        api.completed(quick, within_s=10)
        assert api.job(slow)["status"] == "cancelled"
        assert before - set(decoders(system.pid))


def test_a_waiting_job_is_cancelled_and_never_worked_on(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    data = tmp_path_factory.mktemp("queue") / "data"
    settings = {"worker_concurrency": "1", "worker_prefetch": "0"}
    with started(data, settings=settings) as system, API(system) as api:
        eventually(api.is_ready)
        image_id = api.upload(pictures.jpeg(4000, 4000))["image_id"]
        slow = api.submit(image_id, LONG, fresh=True).json()["job_id"]
        eventually(lambda: api.job(slow)["status"] == "processing")
        waiting = api.submit(image_id, SMALL, fresh=True).json()["job_id"]

        good(api.post(f"/api/v1/jobs/{waiting}/cancel"))
        good(api.post(f"/api/v1/jobs/{slow}/cancel"))
        api.completed(api.submit(image_id, SMALL, fresh=True))

        told = events_of(api.get(f"/api/v1/jobs/{waiting}/events").text)
        assert [each["type"] for each in told] == ["job.queued", "job.cancelled"]


def test_who_follows_a_job_is_let_go_when_the_system_stops(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    data = tmp_path_factory.mktemp("stop") / "data"
    with started(data, settings={"worker_grace_s": "1"}) as system, API(system) as api:
        eventually(api.is_ready)
        image_id = api.upload(pictures.jpeg(4000, 4000))["image_id"]
        job_id = api.submit(image_id, LONG, fresh=True).json()["job_id"]
        with api.stream("GET", f"/api/v1/jobs/{job_id}/events") as following:
            lines = following.iter_lines()
            next(lines)

            before = time.monotonic()
            code = system.stop()

            assert code == 0
            assert time.monotonic() - before < 8
            assert "job.completed" not in "".join(lines)


def test_nobody_cancels_what_does_not_exist(api: API) -> None:
    problem(api.post("/api/v1/jobs/nobody/cancel"), 404, "not_found")


def test_jobs_are_listed_the_newest_first_page_after_page(api: API, image_id: str) -> None:
    made = [api.submit(image_id, SMALL).json()["job_id"] for _ in range(6)]

    pages: list[JSON] = [good(api.get("/api/v1/jobs", params={"limit": 2}))]
    while len(pages) < 3:
        asked = {"limit": 2, "cursor": pages[-1]["next"]}
        pages.append(good(api.get("/api/v1/jobs", params=asked)))

    listed = [job["job_id"] for page in pages for job in page["jobs"]]
    assert listed == made[::-1]


def test_a_list_may_be_of_one_status_and_one_operation(api: API, photo: bytes) -> None:
    resized = api.completed(api.short("resize", photo, width=16))
    good(api.post("/api/v1/flip", files={"file": ("p", photo)}))

    found = good(api.get("/api/v1/jobs", params={"status": "completed", "type": "resize"}))

    assert resized["job_id"] in {job["job_id"] for job in found["jobs"]}
    assert {(job["status"], job["type"]) for job in found["jobs"]} == {("completed", "resize")}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"status": "lost"}, "status"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"sort": "name"}, "sort"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(
    api: API, query: dict[str, str | int], field: str
) -> None:
    answer: httpx2.Response = api.get("/api/v1/jobs", params=query)

    assert fields_of(problem(answer, 422, "invalid_request")) == {field}
