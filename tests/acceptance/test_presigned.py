"""Uploads by signed URL through the whole system: the URL alone opens, and only what it says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import httpx2
import pytest

from tests.acceptance.api import API, JSON, good, problem
from tests.acceptance.system import System

PRESIGN = "/api/v1/uploads/presign"


@pytest.fixture
def stranger(system: System) -> Iterator[httpx2.Client]:
    """Give a client without a key."""
    with httpx2.Client(base_url=system.url, trust_env=False) as client:
        yield client


def presigned(api: API, **wish: object) -> JSON:
    return good(api.post(PRESIGN, json=wish))


def test_a_stranger_sends_a_picture_with_the_url_alone(
    api: API, stranger: httpx2.Client, photo: bytes
) -> None:
    signed = presigned(api, content_type="image/jpeg", size_bytes=len(photo))

    put = stranger.put(signed["url"], content=photo, headers=signed["headers"])
    completed = api.post(f"/api/v1/uploads/{signed['upload_id']}/complete")
    again = api.post(f"/api/v1/uploads/{signed['upload_id']}/complete")

    assert put.status_code == 200
    assert completed.status_code == again.status_code == 201
    assert completed.content == again.content
    image = good(completed)
    assert image["sha256"] == hashlib.sha256(photo).hexdigest()
    assert api.get(image["url"]).content == photo


def test_a_url_opens_neither_another_method_nor_anything_else(
    api: API, stranger: httpx2.Client, photo: bytes
) -> None:
    signed = presigned(api, content_type="image/jpeg", size_bytes=len(photo))
    url, headers = signed["url"], signed["headers"]

    problem(stranger.get(url), 403, "signature_invalid")
    problem(stranger.put(f"{url}x", content=photo, headers=headers), 403, "signature_invalid")
    other = stranger.put(url, content=photo, headers={"content-type": "image/png"})
    problem(other, 403, "signature_invalid")
    long = stranger.put(url, content=photo + b"x", headers=headers)
    problem(long, 413, "too_large")
    complete = f"/api/v1/uploads/{signed['upload_id']}/complete"
    query = url.partition("?")[2]
    problem(stranger.post(f"{complete}?{query}"), 401, "unauthenticated")
    problem(stranger.put(url.partition("?")[0], content=photo), 401, "unauthenticated")
    problem(api.post(complete), 409, "conflict")


def test_a_signed_url_is_never_written_to_the_log(
    system: System, api: API, stranger: httpx2.Client, photo: bytes
) -> None:
    signed = presigned(api)
    stranger.put(signed["url"], content=photo)

    signature = signed["url"].rpartition("signature=")[2]

    assert signature
    assert signature not in system.said()
