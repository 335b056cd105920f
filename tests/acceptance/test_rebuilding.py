"""A stored result whose bytes changed is made anew from its original, and served right."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, problem
from tests.acceptance.damage import file_of, flip
from tests.acceptance.system import System, eventually


def test_a_result_with_a_flipped_bit_is_made_anew_and_served_right(
    api: API, system: System, photo: bytes
) -> None:
    job = api.completed(api.short("resize", photo, width=20, format="png"))
    content = api.result(job)
    flip(file_of(system, content), len(content) // 2)

    answer = api.get(job["result"]["url"])

    assert (answer.status_code, answer.content) == (200, content)
    assert api.result(api.job(job["job_id"])) == content


def test_a_result_whose_file_is_gone_is_made_anew(api: API, system: System, photo: bytes) -> None:
    job = api.completed(api.short("resize", photo, width=20, format="png"))
    content = api.result(job)
    file_of(system, content).unlink()

    assert api.get(job["result"]["url"]).content == content


def test_one_output_of_several_is_made_anew_alone(api: API, system: System) -> None:
    image_id = api.upload(pictures.jpeg(1600, 1200))["image_id"]
    outputs: dict[str, list[JSON]] = {
        name: [{"op": "resize", "width": width}, {"op": "convert", "format": "png"}]
        for name, width in {"small": 50, "large": 1200}.items()
    }
    job = api.completed(api.submit(image_id, outputs))
    large, small = api.result(job, "large"), api.result(job, "small")
    flip(file_of(system, small), len(small) // 2)

    answer = api.get(job["outputs"]["small"]["url"])

    told = api.job(job["job_id"])["outputs"]["small"]
    assert answer.status_code == 200, answer.text
    assert pictures.opened(answer.content).size == (50, 38)
    assert told["sha256"] == hashlib.sha256(answer.content).hexdigest()
    assert api.result(job, "large") == large


def test_all_jobs_with_a_result_have_it_again(api: API, system: System, photo: bytes) -> None:
    first = api.completed(api.short("blur", photo, sigma=1.5, format="png"))
    second = api.completed(api.short("blur", photo, sigma=1.5, format="png"))
    assert second["cached"] is True
    content = api.result(first)
    flip(file_of(system, content), 40)

    assert api.get(second["result"]["url"]).content == content
    assert api.get(first["result"]["url"]).content == content


def test_ten_who_ask_at_once_make_one_job(api: API, system: System, photo: bytes) -> None:
    job = api.completed(api.short("flop", photo, format="png"))
    content = api.result(job)
    before = len(api.get("/api/v1/jobs", params={"image": job["input"]["image_id"]}).json()["jobs"])
    flip(file_of(system, content), 40)

    with ThreadPoolExecutor(10) as askers:
        answers = list(askers.map(lambda _: api.get(job["result"]["url"]), range(10)))

    assert {each.content for each in answers} == {content}
    after = api.get("/api/v1/jobs", params={"image": job["input"]["image_id"]}).json()["jobs"]
    assert len(after) == before + 1


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_result_whose_original_is_broken_too_is_a_problem(
    api: API, system: System, photo: bytes, *, is_gone: bool
) -> None:
    job = api.completed(api.short("resize", photo, width=20, format="png"))
    content = api.result(job)
    flip(file_of(system, content), 40)
    original = file_of(system, photo)
    original.unlink() if is_gone else flip(original, len(photo) // 2)

    answer = api.get(job["result"]["url"])

    problem(answer, 502, "integrity")
    assert answer.headers["cache-control"] == "no-store"


def test_work_on_a_broken_original_fails_with_integrity_and_is_not_tried_again(
    api: API, system: System, photo: bytes
) -> None:
    image_id = api.upload(photo)["image_id"]
    flip(file_of(system, photo), len(photo) // 2)

    steps = {"small": [{"op": "resize", "width": 20}]}
    job = api.ended(api.submit(image_id, steps))

    assert (job["status"], job["error"]["code"], job["attempts"]) == ("failed", "integrity", 1)
    letters = eventually(lambda: api.get("/api/v1/dead-letters", params={"state": "any"}).json())
    assert job["job_id"] not in {each["id"] for each in letters["dead_letters"]}
