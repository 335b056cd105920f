"""The client has pictures fetched, and waits for them."""

from __future__ import annotations

import asyncio

import pytest

from imagemill.client import ProblemError, StillWorkingError
from tests.client.test_hardships import IMAGE, Answer, Clock, Moody, _client

PENDING = Answer(200, {"image_id": "i1", "status": "pending"})
ASKED = Answer(202, {"image_id": "i1", "status": "pending"})
PROBLEM = {"code": "source_unavailable", "status": 502, "detail": "It answered with status 404."}


async def test_a_picture_is_waited_for_until_it_is_kept() -> None:
    server, clock = (
        Moody([ASKED, PENDING, PENDING, Answer(200, {**IMAGE, "status": "stored"})]),
        Clock(),
    )

    async with _client(server, clock) as client:
        image = await client.upload_from("https://a.example/", name="a", idempotency_key="k")

    assert (image.image_id, image.format, len(clock.slept_s)) == ("i1", "jpeg", 2)
    assert server.asked == ["POST /api/v1/images", *["GET /api/v1/images/i1"] * 3]
    _, body, headers = server.seen[0]
    assert (body, headers["idempotency-key"]) == (b'{"url":"https://a.example/","name":"a"}', "k")


async def test_a_picture_that_does_not_come_is_told_of_with_its_reason() -> None:
    failed = {"image_id": "i1", "status": "failed", "error": PROBLEM}

    async with _client(Moody([ASKED, Answer(200, failed)])) as client:
        with pytest.raises(ProblemError) as caught:
            await client.upload_from("https://a.example/")

    assert caught.value.code == "source_unavailable"


class Patient(Clock):
    """Sleeps without waiting, but lets others go on, as a real sleep does."""

    async def sleep(self, seconds: float) -> None:
        """Let the others go on."""
        await asyncio.sleep(0)


async def test_waiting_for_a_picture_ends_in_time() -> None:
    async with _client(Moody([ASKED, PENDING]), Patient()) as client:
        with pytest.raises(StillWorkingError):
            await client.upload_from("https://a.example/", timeout_s=0)
