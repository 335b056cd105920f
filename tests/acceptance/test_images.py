"""A picture goes in: kept once, described truly, and given back as it was."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, good, problem
from tests.acceptance.system import System


def originals(system: System) -> set[Path]:
    return {each for each in (system.data / "objects/originals").rglob("*") if each.is_file()}


def test_a_raw_body_is_kept_and_described(api: API, photo: bytes) -> None:
    answer = api.post("/api/v1/images", content=photo)

    assert answer.status_code == 201
    image = answer.json()
    assert answer.headers["location"] == f"/api/v1/images/{image['image_id']}"
    assert image["format"] == "jpeg"
    assert image["media_type"] == "image/jpeg"
    assert (image["width"], image["height"], image["frames"]) == (64, 48, 1)
    assert (image["orientation"], image["has_alpha"]) == (1, False)
    assert image["size_bytes"] == len(photo)
    assert image["sha256"] == hashlib.sha256(photo).hexdigest()
    assert good(api.get(answer.headers["location"])) == image


def test_a_form_is_kept_under_the_name_that_its_sender_gave(api: API, photo: bytes) -> None:
    answer = api.post("/api/v1/images", files={"file": ("Ferien am Meer.jpg", photo)})

    assert answer.status_code == 201
    assert answer.json()["name"] == "Ferien am Meer.jpg"
    assert answer.json()["sha256"] == hashlib.sha256(photo).hexdigest()


def test_the_same_bytes_are_kept_once_however_they_come(
    api: API, system: System, photo: bytes
) -> None:
    before = originals(system)

    first = api.post("/api/v1/images", content=photo)
    again = api.post("/api/v1/images", content=photo)
    as_form = api.post("/api/v1/images", files={"file": ("other.jpg", photo)})
    with_job = api.short("flip", photo)

    assert [each.status_code for each in (first, again, as_form)] == [201, 200, 200]
    assert again.json() == first.json() == as_form.json()
    assert api.completed(with_job)["input"] == {"image_id": first.json()["image_id"]}
    assert len(originals(system) - before) == 1


def test_a_picture_that_is_refused_leaves_nothing_behind(api: API, system: System) -> None:
    before = originals(system)

    answer = api.post("/api/v1/images", content=b"no picture at all")

    problem(answer, 415, "unsupported_format")
    assert originals(system) == before


def test_the_type_is_told_by_the_bytes_and_not_by_the_name(api: API) -> None:
    answer = api.post(
        "/api/v1/images", files={"file": ("holiday.jpg", pictures.png(), "image/jpeg")}
    )

    assert good(answer)["format"] == "png"


def test_a_turned_picture_is_described_as_it_stands_upright(api: API) -> None:
    image = api.upload(pictures.jpeg(64, 48, orientation=6))

    assert (image["width"], image["height"], image["orientation"]) == (48, 64, 6)


def test_alpha_and_frames_are_seen(api: API) -> None:
    transparent = api.upload(pictures.png(bands=4))
    moving = api.upload(pictures.gif(frames=3))

    assert transparent["has_alpha"] is True
    assert moving["frames"] == 3
    assert (moving["width"], moving["height"]) == (64, 48)


def test_an_original_comes_back_unchanged_and_only_to_be_saved(api: API, photo: bytes) -> None:
    image = api.upload(photo)

    answer = api.get(image["url"])

    assert answer.content == photo
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-length"] == str(len(photo))
    assert answer.headers["content-disposition"].startswith("attachment; ")


def test_an_original_is_delivered_so_that_no_browser_runs_it(api: API, photo: bytes) -> None:
    headers = api.get(api.upload(photo)["url"]).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "sandbox" in headers["content-security-policy"]
    assert headers["cache-control"].startswith("private")
    assert "set-cookie" not in headers


def test_who_has_an_original_already_gets_no_bytes(api: API, photo: bytes) -> None:
    url = api.upload(photo)["url"]
    tag = api.get(url).headers["etag"]

    answer = api.get(url, headers={"if-none-match": tag})

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == tag


def test_many_who_send_the_same_bytes_at_once_share_one_original(
    api: API, system: System, photo: bytes
) -> None:
    before = originals(system)

    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda _: api.post("/api/v1/images", content=photo), range(16)))

    statuses = [each.status_code for each in answers]
    assert sorted(statuses) == [200] * 15 + [201]
    assert len({each.json()["image_id"] for each in answers}) == 1
    assert len(originals(system) - before) == 1


def test_an_original_that_the_disk_lost_is_told_as_missing(
    api: API, system: System, photo: bytes
) -> None:
    before = originals(system)
    image = api.upload(photo)
    (lost,) = originals(system) - before
    lost.unlink()

    problem(api.get(image["url"]), 404, "not_found")


@pytest.mark.parametrize(
    "name", ["../../../admin-key", "/etc/passwd", "a\0b.jpg", "x" * 5000, "кот.jpg", '"; x=".jpg']
)
def test_a_name_is_only_a_name(api: API, system: System, photo: bytes, name: str) -> None:
    before = originals(system)

    answer = api.post("/api/v1/images", files={"file": (name, photo)})

    assert answer.status_code in {201, 400}, answer.text
    kept = originals(system) - before
    assert len(kept) == (answer.status_code == 201)
    assert all(each.stem.isascii() and len(each.name) == 36 for each in kept)
