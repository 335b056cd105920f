"""What the load generator sends, and how it reads an end."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.pictures import Photo
from benchmarks.systems import FIVE, SMALL, JobFailed
from benchmarks.systems.imagemill import is_completed, outputs
from benchmarks.wire import Reply, rest
from imagemill.pipeline import parse


def _answer(status: str) -> Reply:
    return Reply(200, {}, json.dumps({"status": status}).encode())


@pytest.fixture
def photo(tmp_path: Path) -> Photo:
    """Give a photograph as the load generator keeps it."""
    path = tmp_path / "photo.jpg"
    Image.effect_noise((64, 48), 20).save(path)
    return Photo(path, 64, 48, path.read_bytes())


def test_no_two_uploads_of_a_photo_have_the_same_bytes(photo: Photo) -> None:
    first, second = (b"".join(photo.unseen()) for _ in range(2))

    assert first != second


def test_an_upload_shows_the_photo_that_it_was_made_of(photo: Photo) -> None:
    sent = Image.open(io.BytesIO(b"".join(photo.unseen())))

    assert sent.tobytes() == Image.open(photo.path).tobytes()


@pytest.mark.parametrize("sent", range(8))
def test_what_a_socket_did_not_take_is_what_is_sent_next(sent: int) -> None:
    pieces = [memoryview(b"ab"), memoryview(b""), memoryview(b"cdefg")]

    left = b"".join(rest(pieces, sent))

    assert left == b"abcdefg"[sent:]


def test_a_job_is_done_when_it_is_completed_and_not_before() -> None:
    answers = [is_completed(_answer(status)) for status in ("queued", "processing", "completed")]

    assert answers == [False, False, True]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_job_that_ended_otherwise_ends_the_measurement(status: str) -> None:
    with pytest.raises(JobFailed):
        is_completed(_answer(status))


def test_every_rendition_is_a_pipeline_that_imagemill_takes() -> None:
    steps = outputs([SMALL, *FIVE]).values()

    taken = [parse(each) for each in steps]

    assert [len(each) for each in taken] == [2] * 6
