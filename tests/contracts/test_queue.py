"""What every `Queue` keeps, on every broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from imagemill.errors import ImagemillError, InvalidRequest
from imagemill.queue import Delivery, Queue
from tests.contracts.queues import Broker

ALL_BYTES = bytes(range(256))


@pytest.fixture
async def queue(broker: Broker) -> Queue:
    return await broker.open()


@pytest.fixture
async def other(broker: Broker) -> Queue:
    """Another adapter object over the same broker, as another process has."""
    return await broker.open()


@pytest.fixture
def topic(broker: Broker) -> str:
    return broker.topic


async def take(receiving: AsyncIterator[Delivery], wait_s: float = 15.0) -> Delivery:
    async with asyncio.timeout(wait_s):
        return await anext(receiving)


async def take_all(receiving: AsyncIterator[Delivery], count: int) -> list[bytes]:
    """Take so many messages, saying of each that it is done."""
    bodies = []
    for _ in range(count):
        delivery = await take(receiving)
        bodies.append(delivery.body)
        await delivery.done()
    return bodies


async def is_quiet(receiving: AsyncIterator[Delivery], seconds: float) -> bool:
    """Tell whether nothing comes for so long: the only way to see that nothing comes."""
    try:
        async with asyncio.timeout(seconds):
            await anext(receiving)
    except TimeoutError:
        return True
    return False


async def becomes(look: Callable[[], Awaitable[bool]], wait_s: float = 15.0) -> bool:
    """Look until it is so: brokers may count some seconds late."""
    async with asyncio.timeout(wait_s):
        while not await look():  # noqa: ASYNC110 - a broker tells nobody when its counts change
            await asyncio.sleep(0.05)  # sleeps: between two looks, for at most `wait_s`
    return True


async def depth_becomes(queue: Queue, topic: str, count: int) -> bool:
    async def look() -> bool:
        return await queue.depth(topic) == count

    return await becomes(look)


def numbered(count: int) -> list[bytes]:
    return [f"{n}".encode() for n in range(count)]


@pytest.mark.parametrize("body", [b'{"snow": "\xe2\x9b\x84"}', ALL_BYTES], ids=["json", "binary"])
async def test_a_message_arrives_as_it_was_published(queue: Queue, topic: str, body: bytes) -> None:
    await queue.publish(topic, [body])

    delivery = await take(queue.receive(topic))

    assert delivery.body == body


async def test_a_consumer_that_waits_hears_of_news(queue: Queue, other: Queue, topic: str) -> None:
    waiting = asyncio.create_task(take(queue.receive(topic)))
    await asyncio.sleep(0)

    await other.publish(topic, [b"news"])

    assert (await waiting).body == b"news"


async def test_a_message_that_is_done_does_not_come_again(
    broker: Broker, queue: Queue, topic: str
) -> None:
    await queue.publish(topic, [b"once"])
    receiving = queue.receive(topic)

    await (await take(receiving)).done()

    assert await is_quiet(receiving, 2 * broker.adapter.lease_s)
    assert await depth_becomes(queue, topic, 0)


async def test_a_message_given_back_comes_again_at_once_to_anybody(broker: Broker) -> None:
    mine, other = await broker.open(lease_s=60), await broker.open(lease_s=60)
    await mine.publish(broker.topic, [b"again"])
    receiving = mine.receive(broker.topic)

    delivery = await take(receiving)
    await receiving.aclose()  # type: ignore[attr-defined]  # an async generator in every adapter
    await delivery.again()

    assert (await take(other.receive(broker.topic))).body == b"again"


async def test_a_message_given_back_comes_again_to_the_same_consumer(
    queue: Queue, topic: str
) -> None:
    await queue.publish(topic, [b"again"])
    receiving = queue.receive(topic)

    await (await take(receiving)).again()

    assert (await take(receiving)).body == b"again"


@pytest.mark.slow
async def test_a_message_in_hand_stays_invisible_beyond_its_lease(
    broker: Broker, queue: Queue, other: Queue, topic: str
) -> None:
    await queue.publish(topic, [b"mine"])
    await take(queue.receive(topic))

    assert await is_quiet(other.receive(topic), 3 * broker.adapter.lease_s)


async def test_a_message_of_a_closed_consumer_comes_again(
    queue: Queue, other: Queue, topic: str
) -> None:
    await queue.publish(topic, [b"orphan"])
    await take(queue.receive(topic))

    await queue.close()

    assert (await take(other.receive(topic))).body == b"orphan"


@pytest.mark.slow
async def test_a_message_of_a_killed_process_comes_again_within_the_lease(
    broker: Broker, queue: Queue, topic: str
) -> None:
    await queue.publish(topic, [b"orphan"])
    receiving = queue.receive(topic)
    with broker.other_process() as holder:
        held = await holder.holds()

        holder.kill()
        came = await take(receiving, broker.adapter.lease_s + broker.adapter.wait_s)

    assert held == came.body == b"orphan"


async def test_closing_gives_back_what_was_taken_and_not_seen(
    queue: Queue, other: Queue, topic: str
) -> None:
    await queue.publish(topic, numbered(6))
    await take(queue.receive(topic, prefetch=4))

    await queue.close()

    assert sorted(await take_all(other.receive(topic), 6)) == numbered(6)


async def test_a_receive_that_is_cancelled_loses_nothing(
    queue: Queue, other: Queue, topic: str
) -> None:
    receiving = queue.receive(topic, prefetch=4)
    waiting = asyncio.create_task(take(receiving))
    await asyncio.sleep(0)
    await queue.publish(topic, numbered(6))
    waiting.cancel()
    for came in await asyncio.gather(waiting, return_exceptions=True):
        if not isinstance(came, BaseException):
            await came.again()
    await receiving.aclose()  # type: ignore[attr-defined]  # an async generator in every adapter

    seen = queue.receive(topic, prefetch=4)
    first = await take(seen)
    await seen.aclose()  # type: ignore[attr-defined]  # an async generator in every adapter
    rest = await take_all(other.receive(topic), 5)

    assert sorted([first.body, *rest]) == numbered(6)


async def test_competing_consumers_share_the_messages(
    queue: Queue, other: Queue, topic: str
) -> None:
    bodies = numbered(60)
    got: list[bytes] = []
    got_all = asyncio.Event()

    async def consume(queue: Queue) -> None:
        async for delivery in queue.receive(topic, prefetch=3):
            got.append(delivery.body)
            await delivery.done()
            if len(got) == len(bodies):
                got_all.set()

    consumers = [asyncio.create_task(consume(each)) for each in (queue, other, queue, other)]
    await queue.publish(topic, bodies)
    async with asyncio.timeout(20):
        await got_all.wait()
    for consumer in consumers:
        consumer.cancel()
    await asyncio.gather(*consumers, return_exceptions=True)

    assert sorted(got) == sorted(bodies)


async def test_no_consumer_takes_more_than_its_prefetch(
    queue: Queue, other: Queue, topic: str
) -> None:
    await queue.publish(topic, numbered(5))
    mine = await take(queue.receive(topic, prefetch=3))

    receiving = other.receive(topic)
    others = [await take(receiving) for _ in range(2)]

    assert len({mine.body, *(each.body for each in others)}) == 3


async def test_topics_are_apart(queue: Queue, topic: str) -> None:
    await queue.publish(topic, [b"1"])
    await queue.publish(f"{topic}.two", [b"2"])

    assert (await take(queue.receive(f"{topic}.two"))).body == b"2"
    assert await depth_becomes(queue, topic, 1)


async def test_the_order_is_kept_where_it_is_promised(queue: Queue, topic: str) -> None:
    await queue.publish(topic, numbered(20))
    receiving = queue.receive(topic, prefetch=7)

    got = await take_all(receiving, 20)

    assert (got if queue.promises.ordered else sorted(got, key=int)) == numbered(20)


async def test_many_messages_are_published_at_once(broker: Broker) -> None:
    # A long lease: a slow stand-in renews a short one too late, and a message may come twice then.
    queue = await broker.open(lease_s=60)
    await queue.publish(broker.topic, numbered(300))

    got = await take_all(queue.receive(broker.topic, prefetch=32), 300)

    assert sorted(got) == sorted(numbered(300))


async def test_publishing_nothing_does_nothing(queue: Queue, topic: str) -> None:
    await queue.publish(topic, [])

    assert await queue.depth(topic) == 0


async def test_the_largest_promised_message_is_taken(queue: Queue, topic: str) -> None:
    body = b"x" * queue.promises.largest_bytes

    await queue.publish(topic, [body])

    assert (await take(queue.receive(topic))).body == body


async def test_a_message_over_the_promised_size_is_refused_with_all_beside_it(
    queue: Queue, topic: str
) -> None:
    largest = queue.promises.largest_bytes

    with pytest.raises(InvalidRequest, match=f"{largest + 1} bytes; this queue takes {largest}"):
        await queue.publish(topic, [b"small", b"x" * (largest + 1)])

    assert await queue.depth(topic) == 0


async def test_done_after_the_lease_ended_is_harmless(
    queue: Queue, other: Queue, topic: str
) -> None:
    await queue.publish(topic, [b"twice"])
    stale = await take(queue.receive(topic))
    await queue.close()
    receiving = other.receive(topic)
    again = await take(receiving)

    with contextlib.suppress(ImagemillError):
        await stale.done()
    await again.done()
    await again.done()
    await other.publish(topic, [b"next"])

    assert again.body == b"twice"
    assert (await take(receiving)).body == b"next"


async def test_a_topic_that_nobody_used_is_empty(queue: Queue, topic: str) -> None:
    depth = await queue.depth(topic)

    assert depth == 0


async def test_depth_counts_what_waits_and_what_is_worked_on(queue: Queue, topic: str) -> None:
    await queue.publish(topic, numbered(3))
    waiting = await depth_becomes(queue, topic, 3)

    receiving = queue.receive(topic)
    held = await take(receiving)
    holding = await depth_becomes(queue, topic, 3)
    await held.done()

    assert waiting
    assert holding
    assert await depth_becomes(queue, topic, 2)


async def test_depth_counts_what_others_work_on_where_that_is_promised(
    queue: Queue, other: Queue, topic: str
) -> None:
    await queue.publish(topic, numbered(3))
    receiving = other.receive(topic)

    await take(receiving)

    assert await depth_becomes(queue, topic, 3 if queue.promises.counts_all else 2)


async def test_the_oldest_waiting_message_has_an_age_or_none_is_told(
    queue: Queue, topic: str
) -> None:
    if not queue.promises.knows_age:
        assert await queue.oldest_s(topic) is None
        return
    empty = await queue.oldest_s(topic)
    await queue.publish(topic, [b"old"])

    async def grows() -> bool:
        return 0.3 < (await queue.oldest_s(topic) or 0.0) < 15.0

    async def is_over() -> bool:
        return await queue.oldest_s(topic) == 0.0

    old = await becomes(grows)
    await take_all(queue.receive(topic), 1)

    assert empty == 0.0
    assert old
    assert await becomes(is_over)
