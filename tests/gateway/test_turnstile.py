"""Few large bodies are worked on at a time, and nobody is kept out by who is slow."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from imagemill.gateway.turnstile import Passing, Turnstile

MB = 1_000_000
Message = MutableMapping[str, Any]


async def sending(size: int, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": bytes(size), "more_body": more}


async def taken(message: Message) -> None:
    """Take an answer at once."""


def passing(turnstile: Turnstile, size: int, *, more: bool = True) -> Passing:
    return turnstile.passing(lambda: sending(size, more=more), taken)


def answer(size: int, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": bytes(size), "more_body": more}


async def is_kept_out(passing: Passing) -> bool:
    try:
        async with asyncio.timeout(0.05):
            await passing.receive()
    except TimeoutError:
        return True
    return False


async def test_a_large_body_waits_until_another_one_was_worked_on() -> None:
    turnstile = Turnstile(1, longest_s=60)
    first, second = passing(turnstile, 2 * MB), passing(turnstile, 2 * MB)

    await first.receive()
    assert await is_kept_out(second)
    first.leave()

    assert not await is_kept_out(second)


async def test_a_body_gives_its_place_back_with_each_piece_that_it_asks_for() -> None:
    turnstile = Turnstile(1, longest_s=60)
    first, second = passing(turnstile, 2 * MB), passing(turnstile, 2 * MB)
    both = [each.receive() for _ in range(5) for each in (first, second)]

    for each in both:
        async with asyncio.timeout(5):
            await each
            first.leave()
            second.leave()


async def test_small_bodies_and_the_ends_of_large_ones_take_no_place() -> None:
    turnstile = Turnstile(1, longest_s=60)
    await passing(turnstile, 2 * MB).receive()

    small, end = passing(turnstile, 1000), passing(turnstile, 2 * MB, more=False)

    assert [await is_kept_out(each) for each in (small, end)] == [False, False]


@pytest.mark.parametrize(("size", "waits"), [(64_000, True), (200, False)])
async def test_large_answers_take_places_and_streams_of_events_do_not(
    size: int, *, waits: bool
) -> None:
    turnstile = Turnstile(1, longest_s=60)
    await passing(turnstile, 2 * MB).receive()
    other = passing(turnstile, 0)
    await other.send(answer(900_000))

    async def send_all() -> None:
        for _ in range(MB // size):
            await other.send(answer(size))

    with_end = asyncio.create_task(send_all())
    done, _ = await asyncio.wait({with_end}, timeout=0.2)
    with_end.cancel()

    assert (not done) is waits


async def test_nobody_holds_a_place_for_long() -> None:
    turnstile = Turnstile(1)
    await passing(turnstile, 2 * MB).receive()

    async with asyncio.timeout(10):
        await passing(turnstile, 2 * MB).receive()
