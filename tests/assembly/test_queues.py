"""Which broker an address names, and what is said where it names none."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from imagemill.assembly.parts import Parts
from imagemill.assembly.queues import open_queue
from imagemill.errors import InvalidRequest, Unavailable
from imagemill.queue.kafka import KafkaQueue
from imagemill.queue.nats import NATSQueue
from imagemill.queue.rabbitmq import RabbitMQQueue
from imagemill.queue.sql import SQLQueue
from imagemill.queue.sqs import SQSQueue
from imagemill.settings import Settings

NOBODY = "127.0.0.1:9"


def settings(folder: Path, url: str, **more: object) -> Settings:
    return Settings.model_validate({"data": folder, "queue": {"url": url, **more}})


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("", SQLQueue),
        (f"nats://{NOBODY}", NATSQueue),
        (f"tls://{NOBODY},tls://{NOBODY}", NATSQueue),
        (f"amqp://{NOBODY}/", RabbitMQQueue),
        (f"amqps://{NOBODY}/", RabbitMQQueue),
        (f"kafka://{NOBODY},{NOBODY}", KafkaQueue),
        (f"kafkas://{NOBODY}", KafkaQueue),
        ("sqs://eu-west-1", SQSQueue),
    ],
)
async def test_the_scheme_of_the_address_says_which_broker(
    tmp_path: Path, url: str, kind: type[object]
) -> None:
    async with AsyncExitStack() as opened:
        queue = await open_queue(Parts(settings(tmp_path, url), opened))

        assert isinstance(queue, kind)


@pytest.mark.parametrize("url", [f"nats://{NOBODY}", f"amqp://{NOBODY}/", f"kafka://{NOBODY}"])
async def test_a_broker_that_is_away_keeps_nobody_from_starting(tmp_path: Path, url: str) -> None:
    async with AsyncExitStack() as opened:
        queue = await open_queue(Parts(settings(tmp_path, url), opened))

        with pytest.raises(Unavailable):
            await queue.publish("jobs", [b"later"])
        with pytest.raises(Unavailable):
            await queue.depth("jobs")


async def test_an_address_of_no_known_broker_is_refused(tmp_path: Path) -> None:
    async with AsyncExitStack() as opened:
        with pytest.raises(InvalidRequest, match=r"no known broker; it begins with .*nats://"):
            await open_queue(Parts(settings(tmp_path, "stomp://broker"), opened))


@pytest.mark.parametrize("lease_s", [5.9, 1801.0])
async def test_a_lease_that_no_broker_of_kafka_takes_is_refused(
    tmp_path: Path, lease_s: float
) -> None:
    given = settings(tmp_path, f"kafka://{NOBODY}", lease_s=lease_s)

    async with AsyncExitStack() as opened:
        with pytest.raises(InvalidRequest, match=f"IMAGEMILL_QUEUE_LEASE_S is {lease_s:g}; on Kaf"):
            await open_queue(Parts(given, opened))


@pytest.mark.parametrize(
    ("url", "more", "said"),
    [
        (
            "sqs://x",
            {"sqs": {"endpoint_url": "http://mq:9324"}},
            "SQS_ENDPOINT_URL is asked",
        ),
        (
            "kafka://ada:s@one:9092",
            {"kafka": {"mechanism": "PLAIN"}},
            "sends the password as",
        ),
        (f"amqp://{NOBODY}/", {"tls": {"ca_file": "ca.pem"}}, "write amqps://"),
        (f"amqps://{NOBODY}/,amqp://{NOBODY}/", {"tls": {"ca_file": "ca.pem"}}, "write amqps://"),
        (f"amqps://{NOBODY}/?no_verify_ssl=1", {}, "would talk to whoever answers"),
    ],
)
async def test_a_way_that_others_could_listen_at_is_refused_at_the_start(
    tmp_path: Path, url: str, more: dict[str, object], said: str
) -> None:
    async with AsyncExitStack() as opened:
        with pytest.raises(InvalidRequest, match=said):
            await open_queue(Parts(settings(tmp_path, url, **more), opened))


@pytest.mark.parametrize(
    "name", ["IMAGEMILL_NATS_URL", "IMAGEMILL_RABBITMQ_URL", "IMAGEMILL_KAFKA_URL"]
)
def test_short_names_stand_for_the_address(name: str) -> None:
    given = Settings.load({name: "nats://broker"})

    assert given.queue.url.get_secret_value() == "nats://broker"
