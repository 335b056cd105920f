"""The client's dead letters, against a real system over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from imagemill.client import BlockingClient, Client, LetterFilter, Priority, ProblemError, Terms
from imagemill.client.terms import Outputs
from tests.cli.programs import Server, draw

pytestmark = pytest.mark.server

SLOW: Outputs = {"slow": [{"op": "filter", "type": "median", "size": 15}] * 3}
"""Takes many times the shortest time limit that there is."""
HASTY = Terms(max_retries=0, timeout_s=1)
"""One try of one second, so that slow work becomes a dead letter."""


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with Client(server.address, server.key) as client:
        yield client


@pytest.fixture
async def image_id(client: Client, tmp_path: Path) -> str:
    return (await client.upload(draw(tmp_path / "large.png", (4000, 4000)))).image_id


async def dead(client: Client, image_id: str) -> str:
    """Make a dead letter; gives its id, which is its job's."""
    accepted = await client.submit(image_id, SLOW, fresh=True, wait_s=30, terms=HASTY)
    assert accepted.job
    assert accepted.job.error
    assert accepted.job.error.code == "timeout"
    return accepted.job_id


async def test_a_dead_letter_is_listed_and_tells_its_attempts_and_its_picture(
    client: Client, image_id: str
) -> None:
    letter_id = await dead(client, image_id)

    listed = [each async for each in client.dead_letters.list(limit=1)]
    details = await client.dead_letters.show(letter_id)

    assert [each.id for each in listed] == [letter_id]
    assert (details.reason, details.operation, details.state) == ("timeout", "pipeline", "waiting")
    assert [each.outcome for each in details.attempts] == ["failed"]
    assert details.image
    assert (details.image.width, details.job.job_id) == (4000, letter_id)


async def test_a_dead_letter_is_replayed_once_as_a_job_that_names_it(
    client: Client, image_id: str
) -> None:
    letter_id = await dead(client, image_id)

    first = await client.dead_letters.replay(letter_id, idempotency_key=f"again-{letter_id}")
    same = await client.dead_letters.replay(letter_id, idempotency_key=f"again-{letter_id}")
    with pytest.raises(ProblemError) as caught:
        await client.dead_letters.replay(letter_id)

    assert (same, caught.value.code) == (first, "conflict")
    assert (await client.job(first.job_id)).replay_of == letter_id
    assert (await client.dead_letters.show(letter_id)).replayed_as == first.job_id


async def test_many_are_decided_by_id_and_each_refusal_is_told(
    client: Client, image_id: str
) -> None:
    letter_id = await dead(client, image_id)
    await client.dead_letters.discard(letter_id)

    decided = await client.dead_letters.replay_many([letter_id, "nobody"])

    assert [(each.id, each.is_done, each.code) for each in decided] == [
        (letter_id, False, "conflict"),
        ("nobody", False, "not_found"),
    ]


async def test_all_that_fit_a_filter_are_decided(client: Client, image_id: str) -> None:
    letter_id = await dead(client, image_id)
    at = (await client.dead_letters.show(letter_id)).at
    this = LetterFilter("timeout", "pipeline", since=at, until=at + timedelta(milliseconds=1))
    none = LetterFilter(until=datetime(2020, 1, 1))  # noqa: DTZ001 - as a person may write it

    discarded = await client.dead_letters.discard_many(this)

    assert [(each.id, each.is_done) for each in discarded] == [(letter_id, True)]
    assert await client.dead_letters.replay_many(none) == ()
    assert [each async for each in client.dead_letters.list(this)] == []
    assert [each.id async for each in client.dead_letters.list(this, state="discarded")] == [
        letter_id
    ]


async def test_a_job_is_sent_twice_under_a_key_and_made_once_with_its_terms(
    client: Client, image_id: str
) -> None:
    terms = Terms(Priority.HIGH, max_retries=1, timeout_s=20, deadline_s=60)
    key = f"once-{image_id}"

    first = await client.submit(image_id, SLOW, fresh=True, terms=terms, idempotency_key=key)
    again = await client.submit(image_id, SLOW, fresh=True, terms=terms, idempotency_key=key)
    with pytest.raises(ProblemError) as caught:
        await client.submit(image_id, SLOW, idempotency_key=key)

    job = await client.cancel(first.job_id)
    assert (again.job_id, caught.value.code) == (first.job_id, "idempotency_key_reused")
    assert job.priority is Priority.HIGH


def test_dead_letters_are_decided_without_an_event_loop(server: Server, tmp_path: Path) -> None:
    with BlockingClient(server.address, server.key) as client:
        image_id = client.upload(draw(tmp_path / "large.png", (4000, 4000))).image_id
        ids = [
            client.submit(image_id, SLOW, fresh=True, wait_s=30, terms=HASTY).job_id
            for _ in range(3)
        ]
        listed = [each.id for each in client.dead_letters.list(limit=3)]
        again = client.dead_letters.replay(ids[0])
        client.wait(again.job_id)
        client.dead_letters.discard(ids[1])
        (replayed,) = client.dead_letters.replay_many([ids[2]])
        states = [client.dead_letters.show(each).state for each in ids]
        (refused,) = client.dead_letters.discard_many([ids[2]])
        third = client.replay(again.job_id)

        assert listed == ids[::-1]
        assert states == ["replayed", "discarded", "replayed"]
        assert (replayed.is_done, refused.is_done) == (True, False)
        assert client.job(third.job_id).replay_of == again.job_id
        assert replayed.job_id
