"""What every `Queue` keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from imagemill.queue import Delivery, Queue

WAIT_S = 5.0
"""Longer than any adapter needs; a message that takes longer is lost."""


async def take(receiving: AsyncIterator[Delivery]) -> Delivery:
    async with asyncio.timeout(WAIT_S):
        return await anext(receiving)


async def is_quiet(receiving: AsyncIterator[Delivery], seconds: float) -> bool:
    """Tell whether nothing comes for so long: the only way to see that nothing comes."""
    try:
        async with asyncio.timeout(seconds):
            await anext(receiving)
    except TimeoutError:
        return True
    return False


async def test_a_message_arrives_as_it_was_published(queue: Queue) -> None:
    await queue.publish("topic", [b'{"snow": "\xe2\x9b\x84"}'])

    delivery = await take(queue.receive("topic"))

    assert delivery.body == b'{"snow": "\xe2\x9b\x84"}'


async def test_a_consumer_that_waits_hears_of_news(queue: Queue) -> None:
    waiting = asyncio.create_task(take(queue.receive("topic")))
    await asyncio.sleep(0)

    await queue.publish("topic", [b"news"])

    assert (await waiting).body == b"news"


async def test_a_message_that_is_done_does_not_come_again(queue: Queue) -> None:
    await queue.publish("topic", [b"once"])
    receiving = queue.receive("topic")

    await (await take(receiving)).done()

    assert await is_quiet(receiving, 0.6)
    assert await queue.depth("topic") == 0


async def test_a_message_given_back_comes_again(queue: Queue) -> None:
    await queue.publish("topic", [b"again"])
    receiving = queue.receive("topic")

    await (await take(receiving)).again()

    assert (await take(receiving)).body == b"again"


@pytest.mark.slow
async def test_a_message_in_hand_stays_invisible_beyond_its_lease(queue: Queue) -> None:
    await queue.publish("topic", [b"mine"])
    await take(queue.receive("topic"))

    assert await is_quiet(queue.receive("topic"), 1.0)


async def test_a_message_of_a_dead_consumer_comes_again(queue: Queue) -> None:
    await queue.publish("topic", [b"orphan"])
    await take(queue.receive("topic"))

    await queue.close()

    assert (await take(queue.receive("topic"))).body == b"orphan"


async def test_competing_consumers_share_the_messages(queue: Queue) -> None:
    bodies = [f"{n}".encode() for n in range(60)]
    got: list[bytes] = []
    got_all = asyncio.Event()

    async def consume() -> None:
        async for delivery in queue.receive("topic", prefetch=3):
            got.append(delivery.body)
            await delivery.done()
            if len(got) == len(bodies):
                got_all.set()

    consumers = [asyncio.create_task(consume()) for _ in range(4)]
    await queue.publish("topic", bodies)
    async with asyncio.timeout(WAIT_S):
        await got_all.wait()
    for consumer in consumers:
        consumer.cancel()
    await asyncio.gather(*consumers, return_exceptions=True)

    assert sorted(got) == sorted(bodies)


async def test_topics_are_apart(queue: Queue) -> None:
    await queue.publish("one", [b"1"])
    await queue.publish("two", [b"2"])

    assert (await take(queue.receive("two"))).body == b"2"
    assert await queue.depth("one") == 1


async def test_an_ordered_queue_keeps_the_order(queue: Queue) -> None:
    if not queue.promises.ordered:
        pytest.skip("this adapter promises no order")
    await queue.publish("topic", [f"{n}".encode() for n in range(20)])
    receiving = queue.receive("topic", prefetch=7)

    got = [(await take(receiving)).body for _ in range(20)]

    assert got == [f"{n}".encode() for n in range(20)]


async def test_the_largest_promised_message_is_taken(queue: Queue) -> None:
    body = b"x" * queue.promises.largest_bytes

    await queue.publish("topic", [body])

    assert (await take(queue.receive("topic"))).body == body


async def test_depth_counts_what_waits_and_what_is_worked_on(queue: Queue) -> None:
    await queue.publish("topic", [b"1", b"2", b"3"])
    await take(queue.receive("topic"))

    assert await queue.depth("topic") == 3
