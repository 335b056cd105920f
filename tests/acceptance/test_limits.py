"""What is too much is refused early, with the limit's name and value, and costs no memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image

from tests.acceptance import pictures, raw
from tests.acceptance.api import API, problem
from tests.acceptance.system import System, resident_bytes

MB = 1_000_000
LIMIT_BYTES = 50 * MB
FLAT_BYTES = 30 * MB


@dataclass
class Watched:
    """A body that looks at the server's memory while it is sent."""

    system: System
    body: bytes
    before: int = field(init=False)
    most: int = 0

    def __post_init__(self) -> None:
        self.before = resident_bytes(self.system.pid)

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self.body), MB):
            yield self.body[at : at + MB]
            self.most = max(self.most, resident_bytes(self.system.pid))

    @property
    def grown(self) -> int:
        """Bytes by which the server grew."""
        return self.most - self.before


def original_count(system: System) -> int:
    return sum(each.is_file() for each in (system.data / "objects/originals").rglob("*"))


@pytest.mark.parametrize("route", ["images", "resize?width=5"])
def test_a_body_that_says_it_is_too_long_is_refused_before_it_is_sent(
    system: System, api: API, route: str
) -> None:
    head = raw.head(system, "POST", f"/api/v1/{route}", f"content-length: {60 * MB}")

    answer = raw.sent(system, head)

    assert raw.status_of(answer) == 413
    assert b'"limit_bytes":50000000' in answer


def test_a_stream_that_grows_too_long_is_refused_while_memory_stays_flat(
    system: System, api: API
) -> None:
    kept = original_count(system)
    body = Watched(system, pictures.jpeg() + bytes(60 * MB))

    answer = api.post("/api/v1/images", content=iter(body))

    assert problem(answer, 413, "too_large")["limit"] == {"limit_bytes": LIMIT_BYTES}
    assert body.grown < FLAT_BYTES
    assert original_count(system) == kept


def test_a_form_that_grows_too_long_is_refused_while_memory_stays_flat(
    system: System, api: API
) -> None:
    head = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body = Watched(system, head + pictures.jpeg() + bytes(60 * MB))

    answer = api.post(
        "/api/v1/images",
        content=iter(body),
        headers={"content-type": "multipart/form-data; boundary=b"},
    )

    problem(answer, 413, "too_large")
    assert body.grown < FLAT_BYTES


def test_a_picture_of_almost_the_limit_is_kept_while_memory_stays_flat(
    system: System, api: API
) -> None:
    levels = np.random.default_rng().integers(0, 255, (3900, 4000, 3), dtype=np.uint8)
    body = Watched(system, pictures.written(Image.fromarray(levels), "TIFF"))
    assert LIMIT_BYTES - 4 * MB < len(body.body) < LIMIT_BYTES

    answer = api.post("/api/v1/images", content=iter(body))

    assert answer.status_code == 201
    assert body.grown < FLAT_BYTES


def too_wide() -> bytes:
    return pictures.written(Image.new("1", (10_001, 20)), "PNG")


def too_many_frames() -> bytes:
    frames = [Image.new("P", (4600, 4600), number) for number in range(5)]
    return pictures.written(frames[0], "GIF", save_all=True, append_images=frames[1:])


def too_many_scans() -> bytes:
    whole = pictures.written(pictures.scene(), "JPEG", progressive=True)
    last_scan = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last_scan * 120 + b"\xff\xd9"


@pytest.mark.parametrize(
    ("drawn", "code"),
    [
        (too_wide, "too_many_pixels"),
        (too_many_frames, "too_many_pixels"),
        (too_many_scans, "too_many_scans"),
    ],
    ids=["wide", "frames", "scans"],
)
def test_a_picture_that_asks_for_too_much_is_refused_before_it_is_decoded(
    system: System, api: API, drawn: object, code: str
) -> None:
    assert callable(drawn)
    picture, kept = drawn(), original_count(system)

    alone = api.post("/api/v1/images", content=picture)
    with_job = api.post("/api/v1/resize?width=5", content=picture)

    for answer in (alone, with_job):
        assert problem(answer, 422, code)["limit"]
    assert original_count(system) == kept


@pytest.mark.parametrize("step", ["pad?right=60000", "resize?width=60000&enlarge=true"])
def test_a_result_that_would_be_too_large_is_refused(api: API, photo: bytes, step: str) -> None:
    answer = api.post(f"/api/v1/{step}", content=photo)

    if answer.status_code == 202:
        assert api.ended(answer)["error"]["code"] in {"too_many_pixels", "output_impossible"}
    else:
        problem(answer, 422, "invalid_request")
