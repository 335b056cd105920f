"""What a job may ask for itself, and its life as a program that polls sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, fields_of, good, problem
from tests.acceptance.sse import events_of
from tests.acceptance.system import eventually, started

SMALL: dict[str, list[JSON]] = {"small": [{"op": "resize", "width": 32}]}
SLOW: dict[str, list[JSON]] = {"slow": [{"op": "filter", "type": "median", "size": 15}]}


def test_a_job_keeps_what_it_asked_for(api: API, image_id: str) -> None:
    answer = api.submit(
        image_id, SMALL, priority="high", max_retries=0, timeout_s=20, deadline_s=600, fresh=True
    )

    job = api.completed(answer)
    assert (job["priority"], job["deadline_at"], job["progress"]) == ("high", None, 100)
    assert api.job(api.submit(image_id, SMALL).json()["job_id"])["priority"] == "normal"


def test_a_short_form_may_ask_for_the_same(api: API, photo: bytes) -> None:
    answer = api.short("resize", photo, width=9, priority="low", max_retries=1, deadline_s=60)

    assert api.completed(answer)["priority"] == "low"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("priority", "urgent"),
        ("max_retries", -1),
        ("max_retries", 21),
        ("timeout_s", 0),
        ("timeout_s", 301),
        ("timeout_s", 3601),
        ("deadline_s", 0),
        ("deadline_s", 2_592_001),
    ],
)
def test_what_no_job_may_ask_for_is_refused_by_name(
    api: API, image_id: str, field: str, value: object
) -> None:
    told = problem(api.submit(image_id, SMALL, **{field: value}), 422, "invalid_request")

    assert fields_of(told) == {field}


def test_a_timeout_over_the_most_tells_the_most(api: API, image_id: str) -> None:
    told = problem(api.submit(image_id, SMALL, timeout_s=301), 422, "invalid_request")

    assert told["limit"] == {"max_timeout_s": 300}


def test_polling_tells_the_events_of_the_stream(api: API, image_id: str) -> None:
    job_id = api.completed(api.submit(image_id, SMALL, fresh=True))["job_id"]
    streamed = events_of(api.get(f"/api/v1/jobs/{job_id}/events").text)

    everything = good(api.get(f"/api/v1/jobs/{job_id}", params={"after": 0}))["events"]
    rest = good(api.get(f"/api/v1/jobs/{job_id}", params={"after": streamed[0]["id"]}))["events"]

    assert everything == streamed
    assert rest == streamed[1:]
    assert api.job(job_id)["events"] is None


@pytest.mark.parametrize("after", ["-1", "x", ""])
def test_polling_from_nowhere_is_refused(api: API, image_id: str, after: str) -> None:
    job_id = api.submit(image_id, SMALL).json()["job_id"]

    answer = api.get(f"/api/v1/jobs/{job_id}", params={"after": after})

    assert fields_of(problem(answer, 422, "invalid_request")) == {"after"}


def test_a_job_past_its_deadline_fails_while_it_is_worked_on_and_while_it_waits(
    tmp_path: Path,
) -> None:
    settings = {"worker_concurrency": "1", "worker_prefetch": "0", "jobs_sweep_every_s": "0.2"}
    with started(tmp_path / "data", settings=settings) as system, API(system) as api:
        eventually(api.is_ready)
        image_id = api.upload(pictures.jpeg(2500, 2500))["image_id"]

        at_work = api.submit(image_id, SLOW, deadline_s=1, max_retries=0)
        eventually(lambda: api.job(at_work.json()["job_id"])["status"] != "queued")
        waiting = api.submit(image_id, SLOW, deadline_s=1, fresh=True, priority="low")

        ended = [api.ended(each) for each in (at_work, waiting)]
        assert {each["status"] for each in ended} == {"failed"}
        assert ended[1]["error"]["code"] == "deadline_passed"
        # An attempt has no longer than the deadline, so its own clock may be the first.
        assert ended[0]["error"]["code"] in {"deadline_passed", "timeout"}


def test_a_cancelled_job_is_done_again_by_a_job_that_names_it(api: API) -> None:
    image_id = api.upload(pictures.jpeg(1600, 1200))["image_id"]
    job_id = api.submit(image_id, SLOW | SMALL, fresh=True).json()["job_id"]
    good(api.post(f"/api/v1/jobs/{job_id}/cancel"))

    answer = api.post(f"/api/v1/jobs/{job_id}/replay")

    assert answer.headers["location"] == answer.json()["url"]
    again = api.completed(answer)
    assert (again["replay_of"], again["outputs"].keys()) == (job_id, {"slow", "small"})
    problem(api.post(f"/api/v1/jobs/{again['job_id']}/replay"), 409, "conflict")
    problem(api.post("/api/v1/jobs/nobody/replay"), 404, "not_found")
