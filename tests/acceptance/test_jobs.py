"""A job is promised at once, done in the background, and never done twice."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, problem

SMALL: list[JSON] = [{"op": "resize", "width": 32}, {"op": "convert", "format": "webp"}]
GREY: list[JSON] = [{"op": "filter", "type": "grayscale"}, {"op": "convert", "format": "png"}]
FIVE: dict[str, list[JSON]] = {
    "large": [{"op": "resize", "width": 400}, {"op": "convert", "format": "jpeg"}],
    "medium": [{"op": "resize", "width": 200}, {"op": "convert", "format": "jpeg"}],
    "modern": [{"op": "resize", "width": 200}, {"op": "convert", "format": "webp"}],
    "small": [{"op": "resize", "width": 100}, {"op": "convert", "format": "webp"}],
    "square": [{"op": "resize", "width": 50, "height": 50}, {"op": "convert", "format": "png"}],
}


def test_a_job_is_promised_with_its_place_and_kept(api: API, image_id: str) -> None:
    answer = api.submit(image_id, {"small": SMALL})

    assert answer.status_code == 202
    promise = answer.json()
    assert promise["status"] == "queued"
    assert answer.headers["location"] == promise["url"] == f"/api/v1/jobs/{promise['job_id']}"
    job = api.completed(answer)
    assert job["job_id"] == promise["job_id"]
    assert job["input"] == {"image_id": image_id}
    assert job["error"] is None


def test_a_result_is_what_was_told_of_it(api: API, image_id: str) -> None:
    job = api.completed(api.submit(image_id, {"small": SMALL}))

    told, data = job["outputs"]["small"], api.result(job, "small")

    assert (told["size_bytes"], told["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    picture = pictures.opened(data)
    assert (told["format"], told["media_type"]) == ("webp", "image/webp")
    assert picture.format == "WEBP"
    assert (told["width"], told["height"]) == picture.size == (32, 24)
    assert told["milliseconds"] > 0


def test_a_result_is_delivered_so_that_no_browser_runs_it(api: API, image_id: str) -> None:
    job = api.completed(api.submit(image_id, {"small": SMALL}))
    url = job["outputs"]["small"]["url"]

    headers = api.get(url).headers
    again = api.get(url, headers={"if-none-match": headers["etag"]})

    assert headers["content-type"] == "image/webp"
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["etag"] == f'"{job["outputs"]["small"]["sha256"]}"'
    assert (again.status_code, again.content) == (304, b"")


def test_five_outputs_cost_one_decode(api: API) -> None:
    image_id = api.upload(pictures.jpeg(800, 600))["image_id"]

    job = api.completed(api.submit(image_id, FIVE))

    assert job["decodes"] == 1
    sizes = {name: (told["width"], told["height"]) for name, told in job["outputs"].items()}
    assert sizes == {
        "large": (400, 300),
        "medium": (200, 150),
        "modern": (200, 150),
        "small": (100, 75),
        "square": (50, 50),
    }
    assert {name: pictures.opened(api.result(job, name)).size for name in FIVE} == sizes


def test_a_form_carries_the_picture_and_the_job(api: API, photo: bytes) -> None:
    answer = api.post(
        "/api/v1/jobs",
        files={"file": ("a.jpg", photo)},
        data={"job": json.dumps({"outputs": {"small": SMALL, "grey": GREY}})},
    )

    job = api.completed(answer)

    assert list(job["outputs"]) == ["small", "grey"]
    assert pictures.opened(api.result(job, "grey")).format == "PNG"


def test_a_raw_picture_takes_its_job_from_the_query(api: API, photo: bytes) -> None:
    answer = api.post(
        "/api/v1/jobs",
        content=photo,
        params={"job": json.dumps({"outputs": {"small": SMALL}})},
    )

    assert api.completed(answer)["outputs"]["small"]["width"] == 32


def test_a_result_that_is_stored_is_never_made_again(api: API, image_id: str) -> None:
    first = api.completed(api.submit(image_id, {"small": SMALL}))

    answer = api.submit(image_id, {"other_name": SMALL})

    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["cached"]) == ("completed", True)
    again = api.job(answer.json()["job_id"])
    assert (again["cached"], again["attempts"]) == (True, 0)
    assert again["outputs"]["other_name"]["cached"] is True
    assert again["outputs"]["other_name"]["sha256"] == first["outputs"]["small"]["sha256"]
    assert api.result(again, "other_name") == api.result(first, "small")


def test_a_stored_result_is_answered_at_once(api: API, image_id: str) -> None:
    api.completed(api.submit(image_id, {"small": SMALL}))
    begun = time.monotonic()

    for _ in range(20):
        assert api.submit(image_id, {"small": SMALL}).json()["cached"] is True

    # Measured 2026-11 on two idle cores: 4 ms each; ten times that is for busy ones.
    assert time.monotonic() - begun < 20 * 0.04 + 1


def test_only_what_is_missing_is_made(api: API, image_id: str) -> None:
    api.completed(api.submit(image_id, {"small": SMALL}))

    job = api.completed(api.submit(image_id, {"small": SMALL, "grey": GREY}))

    assert job["cached"] is False
    cached = {name: told["cached"] for name, told in job["outputs"].items()}
    assert cached == {"small": True, "grey": False}


def test_fresh_work_is_done_even_where_a_result_is_stored(api: API, image_id: str) -> None:
    first = api.completed(api.submit(image_id, {"small": SMALL}))

    again = api.completed(api.submit(image_id, {"small": SMALL}, fresh=True))

    assert (again["cached"], again["attempts"]) == (False, 1)
    assert again["outputs"]["small"]["sha256"] == first["outputs"]["small"]["sha256"]


def test_equal_work_in_other_words_is_the_same_work(api: API, image_id: str) -> None:
    api.completed(api.submit(image_id, {"a": [{"op": "resize", "width": 20}]}))

    spelled_out: list[JSON] = [
        {"op": "resize", "width": 20, "fit": "cover", "dpr": 1},
        {"op": "convert"},
    ]
    answer = api.submit(image_id, {"a": spelled_out})

    assert answer.json()["cached"] is True


def test_a_dry_run_makes_nothing_and_tells_what_would_be_made(api: API, image_id: str) -> None:
    outputs = {**FIVE, "unknown": [{"op": "trim"}]}
    job = {"input": {"image_id": image_id}, "outputs": outputs}

    answer = api.post("/api/v1/jobs?dry_run=1", json=job)

    assert answer.status_code == 200
    assert "location" not in answer.headers
    told = answer.json()
    assert told["dry_run"] is True
    sizes = {name: (each["width"], each["height"]) for name, each in told["outputs"].items()}
    assert sizes["unknown"] == (None, None)
    assert [step["op"] for step in told["outputs"]["large"]["steps"]] == ["resize", "convert"]
    made = api.completed(api.submit(image_id, FIVE))["outputs"]
    assert {name: (each["width"], each["height"]) for name, each in made.items()} == {
        name: size for name, size in sizes.items() if name != "unknown"
    }


def test_the_normal_form_of_a_pipeline_is_its_own_normal_form(api: API, image_id: str) -> None:
    def normal(outputs: dict[str, Any]) -> dict[str, Any]:
        job = {"input": {"image_id": image_id}, "outputs": outputs}
        told = api.post("/api/v1/jobs?dry_run=1", json=job).json()["outputs"]
        return {name: each["steps"] for name, each in told.items()}

    once = normal(FIVE)

    assert normal(once) == once


def test_a_watermark_is_named_by_its_image_id(api: API, image_id: str) -> None:
    mark = api.upload(pictures.png(16, 12, bands=4))["image_id"]
    steps = [{"op": "watermark", "image_id": mark}, {"op": "convert", "format": "png"}]

    marked = api.completed(api.submit(image_id, {"marked": steps, "plain": steps[1:]}))

    outputs = marked["outputs"]
    assert (outputs["marked"]["width"], outputs["marked"]["height"]) == (64, 48)
    assert outputs["marked"]["sha256"] != outputs["plain"]["sha256"]


def test_a_picture_can_be_its_own_watermark(api: API, image_id: str) -> None:
    steps = [{"op": "watermark", "image_id": image_id, "scale": 0.5}]

    assert api.completed(api.submit(image_id, {"marked": steps}))["decodes"] == 1


def test_a_watermark_that_is_not_there_is_refused_by_name(api: API, image_id: str) -> None:
    steps = [{"op": "watermark", "image_id": "0c6ef3a0-0000-4000-8000-000000000000"}]

    told = problem(api.submit(image_id, {"marked": steps}), 422, "invalid_request")

    assert "0c6ef3a0" in told["errors"][0]["problem"]


def test_a_failing_output_fails_the_job_and_is_named(api: API, image_id: str) -> None:
    outside = [{"op": "crop", "left": 60, "top": 40, "width": 500, "height": 500}]

    answer = api.submit(image_id, {"small": SMALL, "outside": outside})

    if answer.status_code == 202:
        job = api.ended(answer)
        assert (job["status"], job["failed_output"]) == ("failed", "outside")
        assert job["error"]["code"] == "output_impossible"
        assert job["attempts"] == 1
        problem(api.get(f"/api/v1/jobs/{job['job_id']}/outputs/small"), 409, "conflict")
    else:
        problem(answer, 422, "output_impossible")


def test_a_result_that_is_not_there_yet_is_a_conflict_and_not_a_lie(api: API) -> None:
    answer = api.short("resize", pictures.jpeg(900, 700), width=800, format="avif")
    promise = answer.json()

    early = api.get(f"{promise['url']}/outputs/result")

    assert early.status_code in {200, 409}
    api.completed(answer)
    assert api.get(f"{promise['url']}/outputs/result").status_code == 200
    problem(api.get(f"{promise['url']}/outputs/absent"), 404, "not_found")


@pytest.mark.parametrize(
    "route", ["images/{}", "images/{}/content", "jobs/{}", "jobs/{}/outputs/a"]
)
@pytest.mark.parametrize(
    "odd",
    ["no-such-id", "0c6ef3a0-0000-4000-8000-000000000000", "a%00b", "%ff", "x" * 4000, "'; --"],
)
def test_what_is_not_there_is_not_found(api: API, route: str, odd: str) -> None:
    answer = api.get("/api/v1/" + route.format(odd))

    problem(answer, 404, "not_found")
