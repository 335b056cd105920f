"""A cancellation that the library loses still ends whoever was told to end."""

from __future__ import annotations

import asyncio

import pytest

from imagemill.queue.nats_connection import heeding


async def careless(answer: str) -> str:
    """Give the answer even when cancelled, as `asyncio.wait_for` may before Python 3.12."""
    try:
        await asyncio.sleep(10)  # sleeps: until it is cancelled, long before
    except asyncio.CancelledError:
        return answer
    return answer


async def at_once(answer: str) -> str:
    return answer


async def test_a_cancellation_that_comes_with_the_answer_is_heeded() -> None:
    asking = asyncio.create_task(heeding(careless("done")))
    await asyncio.sleep(0)

    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_time_limit_that_comes_with_the_answer_is_heeded() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await heeding(careless("done"))


async def test_an_answer_in_peace_is_given() -> None:
    assert await heeding(at_once("done")) == "done"
