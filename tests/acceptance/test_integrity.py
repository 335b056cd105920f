"""A bit that flips on the disk is found, and what it is in is never given out as good."""

from __future__ import annotations

import os

import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API, problem
from tests.acceptance.damage import file_of, flip
from tests.acceptance.raw import head, sent, status_of
from tests.acceptance.system import System


@pytest.mark.parametrize("part", [0.0, 0.5, 0.999])
def test_an_original_with_a_flipped_bit_is_a_problem(
    api: API, system: System, photo: bytes, part: float
) -> None:
    image = api.upload(photo)
    file = file_of(system, photo)

    flip(file, int(len(photo) * part))

    told = problem(api.get(image["url"]), 502, "integrity")
    assert str(system.data) not in told["detail"]
    flip(file, int(len(photo) * part))
    assert api.get(image["url"]).content == photo


def test_who_has_a_result_already_need_not_hear_that_it_broke(
    api: API, system: System, photo: bytes
) -> None:
    job = api.completed(api.short("flip", photo))
    answer = api.get(job["result"]["url"])

    flip(file_of(system, answer.content), 9)

    again = api.get(job["result"]["url"], headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


def test_a_large_original_with_a_flipped_bit_ends_short(api: API, system: System) -> None:
    picture = pictures.large()
    url = api.upload(picture)["url"]
    assert body_of(sent(system, head(system, "GET", url))) == picture

    flip(file_of(system, picture), len(picture) // 2)

    answer = sent(system, head(system, "GET", url))
    assert status_of(answer) == 200
    assert f"content-length: {len(picture)}\r\n".encode() in answer.lower()
    assert 0 < len(body_of(answer)) < len(picture)


def test_a_large_original_of_which_little_is_left_is_a_problem(api: API, system: System) -> None:
    picture = pictures.large()
    url = api.upload(picture)["url"]

    os.truncate(file_of(system, picture), 1_000)

    problem(api.get(url), 502, "integrity")


def body_of(answer: bytes) -> bytes:
    """Give what follows the head of an answer."""
    return answer.partition(b"\r\n\r\n")[2]
