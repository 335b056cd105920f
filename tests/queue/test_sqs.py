"""What the queue on SQS does beside the port's suite, on moto, which is not SQS."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from imagemill.errors import InvalidRequest, Unavailable
from imagemill.queue import Delivery
from imagemill.queue.sqs import SQSQueue
from imagemill.queue.sqs_account import Login
from imagemill.queue.sqs_settings import SQSSettings
from imagemill.queue.tls import TLSSettings
from tests.peers.moto import MotoServer, moto_server
from tests.peers.proof import server_mark

ON_MOTO = [pytest.param(0, marks=server_mark("moto"))]
WAIT_S = 15.0


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoServer]:
    with moto_server() as running:
        yield running


@pytest.fixture
async def queue(moto: MotoServer) -> AsyncIterator[SQSQueue]:
    opened = queue_of(moto, kms_key_id="alias/aws/sqs")
    yield opened
    await opened.close()


@pytest.fixture
def topic() -> str:
    return f"topic-{uuid.uuid4().hex[:12]}"


def queue_of(moto: MotoServer, **given: object) -> SQSQueue:
    wanted = {"access_key_id": "test", "secret_access_key": "test", "wait_s": 1, **given}
    settings = SQSSettings.model_validate({"endpoint_url": moto.endpoint, **wanted})
    return SQSQueue(Login("sqs://eu-west-1/mill", settings, TLSSettings()), 2.0)


async def take(receiving: AsyncIterator[Delivery]) -> Delivery:
    async with asyncio.timeout(WAIT_S):
        return await anext(receiving)


def login(url: str, tls: TLSSettings | None = None, **given: object) -> Login:
    return Login(url, SQSSettings.model_validate(given), tls or TLSSettings())


def test_an_address_names_a_region() -> None:
    found = login("sqs://eu-west-1")

    assert (found.region, found.prefix) == ("eu-west-1", "imagemill")
    assert found.options()["region_name"] == "eu-west-1"


def test_an_address_may_name_a_prefix() -> None:
    found = login("sqs://eu-west-1/staging")

    assert (found.region, found.prefix) == ("eu-west-1", "staging")


def test_without_a_key_aws_finds_one_by_itself() -> None:
    wanted = login("sqs://eu-west-1").options()

    assert set(wanted) == {"config", "region_name"}


def test_settings_may_name_a_key_an_endpoint_and_certificates(tmp_path: Path) -> None:
    tls = TLSSettings(ca_file=tmp_path / "ca", certificate_file=tmp_path / "c", key_file=tmp_path)
    key = {"access_key_id": "AK", "secret_access_key": "SK"}

    wanted = login("sqs://x", tls, endpoint_url="https://mq:9324", **key).options()

    assert wanted["endpoint_url"] == "https://mq:9324"
    assert (wanted["aws_access_key_id"], wanted["aws_secret_access_key"]) == ("AK", "SK")
    assert wanted["verify"] == str(tmp_path / "ca")
    assert wanted["config"].client_cert == (str(tmp_path / "c"), str(tmp_path))


def test_an_endpoint_without_tls_is_refused_unless_that_is_allowed() -> None:
    given: dict[str, Any] = {"endpoint_url": "http://mq:9324"}

    with pytest.raises(InvalidRequest, match="IMAGEMILL_QUEUE_SQS_ALLOW_HTTP=1"):
        login("sqs://x", **given).options()

    assert login("sqs://x", allow_http=True, **given).options()["endpoint_url"] == "http://mq:9324"
    assert login("sqs://x", endpoint_url="http://[::1]:9324").options()


async def test_an_sqs_that_is_not_there_is_unavailable(topic: str) -> None:
    gone = MotoServer("http://127.0.0.1:9", "none")
    queue = queue_of(gone, timeout_s=1)

    with pytest.raises(Unavailable, match="SQS cannot be reached"):
        await queue.publish(topic, [b"lost"])

    await queue.close()


@pytest.mark.parametrize("_", ON_MOTO)
async def test_a_queue_is_made_encrypted_and_with_a_net(
    queue: SQSQueue, topic: str, _: int
) -> None:
    await queue.publish(topic, [b"one"])

    answer = await queue._account.ask("get_queue_attributes", topic, AttributeNames=["All"])
    made = answer["Attributes"]
    redrive = json.loads(made["RedrivePolicy"])

    assert made["QueueArn"].endswith(f":mill-{topic}")
    assert made["KmsMasterKeyId"] == "alias/aws/sqs"
    assert made["MessageRetentionPeriod"] == "1209600"
    assert redrive["deadLetterTargetArn"].endswith(f":mill-{topic}-dead")
    assert int(redrive["maxReceiveCount"]) == 100


@pytest.mark.parametrize("_", ON_MOTO)
async def test_a_missing_queue_is_not_made_where_that_is_forbidden(
    moto: MotoServer, topic: str, _: int
) -> None:
    queue = queue_of(moto, create=False)

    with pytest.raises(Unavailable, match=r"QueueDoesNotExist|NonExistentQueue"):
        await queue.publish(topic, [b"lost"])

    await queue.close()


@pytest.mark.parametrize("_", ON_MOTO)
async def test_an_empty_message_arrives_empty(queue: SQSQueue, topic: str, _: int) -> None:
    await queue.publish(topic, [b""])

    assert (await take(queue.receive(topic))).body == b""


@pytest.mark.slow
@pytest.mark.parametrize("_", ON_MOTO)
async def test_what_was_received_very_often_is_put_aside(
    moto: MotoServer, topic: str, _: int
) -> None:
    queue = queue_of(moto, most_receives=2)
    await queue.publish(topic, [b"poison"])
    receiving = queue.receive(topic)
    for _number in range(2):
        await (await take(receiving)).again()
    asking = asyncio.create_task(take(receiving))

    aside = await take(queue.receive(f"{topic}-dead"))
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)

    assert aside.body == b"poison"
    assert await queue.depth(topic) == 0
    await queue.close()


@pytest.mark.slow
@pytest.mark.parametrize("_", ON_MOTO)
async def test_an_account_that_lost_its_queues_gets_new_ones(
    moto: MotoServer, queue: SQSQueue, topic: str, _: int
) -> None:
    await queue.publish(topic, [b"lost"])
    receiving = queue.receive(topic)
    await take(receiving)
    waiting = asyncio.create_task(take(receiving))

    await asyncio.to_thread(moto.forget)
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        try:
            await queue.publish(topic, [b"new"])
            break
        except Unavailable:
            await asyncio.sleep(0.1)  # sleeps: between two tries, for at most `WAIT_S`

    assert (await waiting).body == b"new"
