"""What only RabbitMQ can do, or refuse: who is let in, and what is counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from pydantic import SecretStr

from imagemill.errors import InvalidRequest, Unavailable
from imagemill.queue.rabbitmq import RabbitMQQueue
from imagemill.queue.rabbitmq_connection import Login
from imagemill.queue.rabbitmq_settings import RabbitMQSettings
from imagemill.queue.tls import TLSSettings
from tests.peers.certificates import Certificates
from tests.peers.proof import server_mark
from tests.peers.rabbitmq import RabbitMQServer

pytestmark = server_mark("rabbitmq")

WAIT_S = 20.0


@asynccontextmanager
async def opened(*servers: str, **more: object) -> AsyncIterator[RabbitMQQueue]:
    login = replace(Login(servers, RabbitMQSettings(), TLSSettings()), **more)  # type: ignore[arg-type]  # as given
    queue = RabbitMQQueue(login, time.time)
    await queue.start()
    yield queue
    await queue.close()


async def test_certificates_open_a_guarded_port(
    rabbitmq: RabbitMQServer, certificates: Certificates
) -> None:
    files = certificates
    tls = TLSSettings(ca_file=files.ca, certificate_file=files.client, key_file=files.client)

    async with opened(rabbitmq.tls_url, tls=tls) as queue:
        await queue.publish("guarded", [b"in"])

        assert await queue.depth("guarded") == 1


async def test_a_server_that_nobody_vouches_for_is_not_spoken_to(
    rabbitmq: RabbitMQServer,
) -> None:
    async with opened(rabbitmq.tls_url) as queue:
        with pytest.raises(Unavailable):
            await queue.publish("guarded", [b"secret"])


async def test_a_wrong_password_is_refused_at_the_start(rabbitmq: RabbitMQServer) -> None:
    with pytest.raises(InvalidRequest, match="does not let us in"):
        async with opened(rabbitmq.url.replace("guest:guest", "guest:wrong")):
            pass


async def test_any_server_of_the_address_will_do(rabbitmq: RabbitMQServer) -> None:
    async with opened("amqp://guest:guest@127.0.0.1:9/", rabbitmq.url) as queue:
        await queue.publish("any", [b"in"])

        assert await queue.depth("any") == 1


async def test_with_the_management_depth_counts_what_others_hold(rabbitmq: RabbitMQServer) -> None:
    managed = RabbitMQSettings(management_url=SecretStr(rabbitmq.management_url))
    async with opened(rabbitmq.url, settings=managed) as queue, opened(rabbitmq.url) as other:
        await queue.publish("counted", [b"1", b"2", b"3"])
        await anext(other.receive("counted"))

        async with asyncio.timeout(WAIT_S):
            while await queue.depth("counted") != 3:  # noqa: ASYNC110 - nobody tells of counts
                await asyncio.sleep(0.1)  # sleeps: between two looks, for at most `WAIT_S`

        assert queue.promises.counts_all
        assert await other.depth("counted") == 3
        assert await queue.depth("never-used") == 0


async def test_a_receiver_whose_connection_is_lost_with_a_message_in_hand_is_forgotten(
    rabbitmq: RabbitMQServer,
) -> None:
    async with opened(rabbitmq.url) as queue:
        await queue.publish("forgotten", [b"in hand"])
        receiving = queue.receive("forgotten")
        held = await anext(receiving)
        await receiving.aclose()  # type: ignore[attr-defined]  # an async generator

        await (await queue._connection.connected()).close()

        async with asyncio.timeout(WAIT_S):
            while queue.consuming:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.02)  # sleeps: between two looks, for at most `WAIT_S`
        await held.done()
        assert (await anext(queue.receive("forgotten"))).body == b"in hand"
