"""What the queue on Kafka does beside the port's suite, on Tansu, which is not Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from imagemill.errors import InvalidRequest, Unavailable
from imagemill.queue import Delivery
from imagemill.queue.kafka import KafkaQueue
from imagemill.queue.kafka_cluster import Login
from imagemill.queue.kafka_settings import KafkaSettings
from imagemill.queue.tls import TLSSettings
from tests.peers.proof import server_mark
from tests.peers.tansu import TansuServer, tansu_server

LEASE_S = 2.0
WAIT_S = 20.0
ON_TANSU = server_mark("tansu")

Opener = Callable[..., KafkaQueue]


@pytest.fixture(scope="module")
def tansu() -> Iterator[TansuServer]:
    with tansu_server() as running:
        yield running


@pytest.fixture
async def opened(tansu: TansuServer) -> AsyncIterator[Opener]:
    """Give a way to open queues on the broker; they are closed after the test."""
    queues: list[KafkaQueue] = []

    def more(**given: object) -> KafkaQueue:
        settings = KafkaSettings.model_validate({"idempotent": False, "timeout_s": 3, **given})
        queues.append(KafkaQueue(Login(tansu.url, settings, TLSSettings()), time.time, LEASE_S))
        return queues[-1]

    yield more
    for queue in queues:
        await queue.close()


@pytest.fixture
def topic() -> str:
    return f"topic-{uuid.uuid4().hex[:12]}"


async def take(receiving: AsyncIterator[Delivery]) -> Delivery:
    async with asyncio.timeout(WAIT_S):
        return await anext(receiving)


async def becomes(look: Callable[[], Awaitable[bool]]) -> bool:
    async with asyncio.timeout(WAIT_S):
        while not await look():  # noqa: ASYNC110 - a broker tells nobody when its counts change
            await asyncio.sleep(0.05)  # sleeps: between two looks, for at most `WAIT_S`
    return True


def options(url: str, tls: TLSSettings | None = None, **given: object) -> dict[str, object]:
    settings = KafkaSettings.model_validate(given)
    return Login(url, settings, tls or TLSSettings()).options()


def test_an_address_names_several_brokers() -> None:
    wanted = options("kafka://one:9092,two:9092")

    assert wanted["bootstrap_servers"] == "one:9092,two:9092"
    assert wanted["security_protocol"] == "PLAINTEXT"


def test_an_address_may_carry_a_name_and_password() -> None:
    wanted = options("kafkas://ada:s3cret@one:9092", mechanism="PLAIN")

    assert wanted["bootstrap_servers"] == "one:9092"
    assert wanted["security_protocol"] == "SASL_SSL"
    assert wanted["sasl_mechanism"] == "PLAIN"
    assert (wanted["sasl_plain_username"], wanted["sasl_plain_password"]) == ("ada", "s3cret")


def test_settings_may_carry_a_name_and_password() -> None:
    wanted = options("kafka://one:9092", user="ada", password="s3cret")

    assert wanted["security_protocol"] == "SASL_PLAINTEXT"
    assert wanted["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (wanted["sasl_plain_username"], wanted["sasl_plain_password"]) == ("ada", "s3cret")


def test_a_plain_password_is_not_sent_without_tls_unless_that_is_allowed() -> None:
    given: dict[str, Any] = {"user": "ada", "password": "s3cret", "mechanism": "PLAIN"}

    with pytest.raises(InvalidRequest, match="IMAGEMILL_QUEUE_KAFKA_ALLOW_PLAINTEXT=1"):
        options("kafka://127.0.0.1:9092,one:9092", **given)

    assert options("kafka://127.0.0.1:9092,localhost:9093", **given)
    assert options("kafka://one:9092", allow_plaintext=True, **given)
    assert options("kafkas://one:9092", **given)


def test_a_named_authority_means_tls(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(file))

    wanted = options("kafka://one:9092", TLSSettings(ca_file=file))

    assert wanted["security_protocol"] == "SSL"
    assert wanted["ssl_context"] is not None


async def test_a_cluster_that_is_not_there_is_unavailable() -> None:
    login = Login("kafka://127.0.0.1:9", KafkaSettings(timeout_s=1), TLSSettings())
    queue = KafkaQueue(login, time.time)

    with pytest.raises(Unavailable, match="Kafka"):
        await queue.publish("topic", [b"lost"])
    with pytest.raises(Unavailable, match="Kafka"):
        await queue.depth("topic")

    await queue.close()


@pytest.mark.parametrize("_", [pytest.param(0, marks=ON_TANSU)])
async def test_a_producer_that_broke_for_good_is_replaced(
    opened: Opener, topic: str, _: int
) -> None:
    queue = opened(timeout_s=1)
    await queue.publish(topic, [b"one"])
    assert await becomes(lambda: depth_is(queue, topic, 1))
    assert queue._producer
    await queue._producer.stop()

    with contextlib.suppress(Unavailable):
        await queue.publish(topic, [b"perhaps"])
    with contextlib.suppress(Unavailable):
        await queue.depth(topic)
    await queue.publish(topic, [b"two"])

    assert await becomes(lambda: depth_is_at_least(queue, topic, 2))


async def depth_is(queue: KafkaQueue, topic: str, count: int) -> bool:
    return await queue.depth(topic) == count


async def depth_is_at_least(queue: KafkaQueue, topic: str, count: int) -> bool:
    return await queue.depth(topic) >= count


@pytest.mark.parametrize("_", [pytest.param(0, marks=ON_TANSU)])
async def test_a_message_held_for_long_holds_back_the_count_and_not_the_work(
    opened: Opener, topic: str, _: int
) -> None:
    queue = opened(partitions=1)
    for number in range(5):
        # One by one: Tansu takes a batch of messages for one when it tells a partition's end.
        await queue.publish(topic, [f"{number}".encode()])
    receiving = queue.receive(topic)
    oldest = await take(receiving)

    for _number in range(4):
        await (await take(receiving)).done()
    behind = await queue.depth(topic)
    await oldest.done()

    assert behind == 5
    assert await queue.depth(topic) == 0


@pytest.mark.parametrize("_", [pytest.param(0, marks=ON_TANSU)])
async def test_no_more_than_a_window_is_read_beyond_a_message_in_hand(
    opened: Opener, topic: str, _: int
) -> None:
    queue = opened(partitions=1, window=10)
    await queue.publish(topic, [f"{n}".encode() for n in range(30)])
    receiving = queue.receive(topic)
    oldest = await take(receiving)
    for _number in range(9):
        await (await take(receiving)).done()
    waiting = asyncio.create_task(take(receiving))
    done, _pending = await asyncio.wait([waiting], timeout=1.0)

    await oldest.done()

    assert not done
    assert (await waiting).body == b"10"


@pytest.mark.parametrize("_", [pytest.param(0, marks=ON_TANSU)])
async def test_a_topic_gets_the_partitions_that_are_set(opened: Opener, topic: str, _: int) -> None:
    queue = opened(partitions=5)
    await queue.publish(topic, [f"{n}".encode() for n in range(5)])

    lags = await queue._cluster.lags(f"imagemill.{topic}", "nobody")

    assert sorted(each.partition for each in lags) == [0, 1, 2, 3, 4]


@pytest.mark.slow
@pytest.mark.parametrize("_", [pytest.param(0, marks=ON_TANSU)])
async def test_a_cluster_that_forgot_everything_is_set_up_again(
    tansu: TansuServer, opened: Opener, topic: str, _: int
) -> None:
    queue = opened()
    await queue.publish(topic, [f"lost {n}".encode() for n in range(20)])
    receiving = queue.receive(topic)
    held = await take(receiving)
    await (await take(receiving)).done()
    got: set[bytes] = set()
    consuming = asyncio.create_task(_consume(receiving, got))

    await asyncio.to_thread(tansu.kill)
    await asyncio.to_thread(tansu.start)
    await _published(queue, topic, [b"new"] * 24)

    async def is_all_done() -> bool:
        return b"new" in got and await queue.depth(topic) == 0

    is_done = await becomes(is_all_done)
    await held.done()
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)

    assert is_done


async def _consume(receiving: AsyncIterator[Delivery], got: set[bytes]) -> None:
    async for delivery in receiving:
        got.add(delivery.body)
        await asyncio.gather(delivery.done(), return_exceptions=True)


async def _published(queue: KafkaQueue, topic: str, bodies: list[bytes]) -> None:
    """Publish, again and again as the relay does."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await queue.publish(topic, bodies)
            except Unavailable:
                await asyncio.sleep(0.1)  # sleeps: between two tries, for at most 30 s
