"""Wishes that nobody can mean, ids that were guessed, and texts that want to run.

These are HT021, HT043, HT051 and HT055. More of the same is in `tests/acceptance/`:
`test_ownership.py` (things of others), `test_problems.py` (fields that are wrong), `test_limits.py`
(results that are too large), `test_once.py` (fifty at once under one key, another body under the
same); in `tests/idempotency/` (how long an answer is kept); and in `tests/console/test_static.py`
(no page reads text as markup).
"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from PIL import Image

from tests.acceptance import pictures
from tests.acceptance.api import API, JSON, fields_of, good, problem

UNKNOWN = "00000000-0000-4000-8000-000000000000"
SCRIPT = "<script>alert(1)</script>"
_DESCRIPTION = 0x010E
_ARTIST = 0x013B


@pytest.fixture(scope="module")
def image_id(shared_api: API) -> str:
    return str(shared_api.upload(pictures.jpeg(300, 200))["image_id"])


@pytest.mark.parametrize(
    ("step", "field"),
    [
        ({"op": "resize", "width": 0}, "width"),
        ({"op": "resize", "width": -1}, "width"),
        ({"op": "resize", "width": 1_000_000_000}, "width"),
        ({"op": "resize", "width": "100px"}, "width"),
        ({"op": "resize", "width": True}, "width"),
        ({"op": "crop", "left": -5, "top": 0, "width": 10, "height": 10}, "left"),
        ({"op": "blur", "sigma": 1_000_000}, "sigma"),
        ({"op": "rotate", "angle": 1e308}, "angle"),
        ({"op": "rotate", "angle": "NaN"}, "angle"),
    ],
)
def test_a_parameter_that_nobody_can_mean_is_refused_by_its_path(
    api: API, image_id: str, step: JSON, field: str
) -> None:
    answer = api.submit(image_id, {"small": [{"op": "flip"}, step]})

    assert f"outputs.small.1.{field}" in fields_of(problem(answer, 422, "invalid_request"))


def test_ten_thousand_steps_are_refused_by_their_list(api: API, image_id: str) -> None:
    answer = api.submit(image_id, {"small": [{"op": "flip"}] * 10_000})

    assert "outputs.small" in fields_of(problem(answer, 422, "invalid_request"))


def test_a_crop_beyond_the_picture_harms_nothing(api: API, image_id: str) -> None:
    step = {"op": "crop", "left": 290, "top": 190, "width": 60_000, "height": 60_000}

    answer = api.submit(image_id, {"small": [step]})

    if answer.status_code == 202:
        assert api.ended(answer)["status"] in {"completed", "failed"}
    else:
        problem(answer, 422, "invalid_request")


def test_a_place_in_a_list_that_no_database_can_count_to_is_refused(
    api: API, image_id: str
) -> None:
    item = {"input": {"image_id": image_id}}
    wanted = {"items": [item], "outputs": {"small": [{"op": "flip"}]}}
    url = good(api.post("/api/v1/batches", json=wanted))["url"]

    answer = api.get(f"{url}/items?after={10**30}")

    assert fields_of(problem(answer, 422, "invalid_request")) == {"after"}


def test_the_neighbours_of_an_id_are_nobodys(api: API, image_id: str) -> None:
    job_id = str(good(api.submit(image_id, {"small": [{"op": "flip"}]}))["job_id"])

    for route, own in (("images", image_id), ("jobs", job_id)):
        assert UUID(own).version == 4, "an id has 122 random bits"
        for guess in neighbours(own):
            answer = api.get(f"/api/v1/{route}/{guess}")

            unknown = problem(api.get(f"/api/v1/{route}/{UNKNOWN}"), 404, "not_found")
            assert problem(answer, 404, "not_found")["detail"] == unknown["detail"], guess


def test_fifty_batches_at_once_under_one_key_are_one(api: API, image_id: str) -> None:
    def make(_: int) -> Any:  # noqa: ANN401 - what the client gives
        item = {"input": {"image_id": image_id}}
        wanted = {"items": [item], "outputs": {"small": [{"op": "flip"}]}}
        headers = {"idempotency-key": f"batch of {image_id}"}
        return api.post("/api/v1/batches", json=wanted, headers=headers)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(make, range(50)))

    made = [each for each in answers if each.status_code == 202]
    others = [each for each in answers if each.status_code != 202]
    assert len({each.json()["batch_id"] for each in made}) == 1
    assert {each.json()["code"] for each in others} <= {"request_in_progress", "rate_limited"}


def test_a_script_in_a_picture_and_in_its_name_stays_text(api: API) -> None:
    files = {"file": (f"{SCRIPT}.jpg", scripted())}
    told = api.post("/api/v1/images", files=files)
    image_id = good(told)["image_id"]

    shown = api.get(f"/api/v1/images/{image_id}")
    content = api.get(f"/api/v1/images/{image_id}/content")

    for answer in (told, shown):
        assert answer.headers["content-type"] == "application/json"
        assert "alert(2)" not in answer.text
    assert content.headers["content-type"] == "image/jpeg"
    assert content.headers["x-content-type-options"] == "nosniff"
    assert content.headers["content-disposition"].startswith("attachment;")
    assert "<" not in content.headers["content-disposition"]


def neighbours(own: str) -> list[str]:
    """Guess ids from one that is known: the next, the one before, counted ones, and other forms."""
    number = UUID(own).int
    near = [str(UUID(int=number + by)) for by in (-2, -1, 1, 2)]
    return [*near, *map(str, range(3)), str(number), own[:-1], f"{own}0"]


def scripted() -> bytes:
    """Draw a JPEG whose EXIF holds a script."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[_DESCRIPTION] = SCRIPT.replace("1", "2")
    exif[_ARTIST] = SCRIPT.replace("1", "2")
    Image.new("RGB", (60, 40), "teal").save(file, "JPEG", exif=exif)
    return file.getvalue()
