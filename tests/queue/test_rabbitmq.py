"""What only RabbitMQ can do, or refuse: who is let in, what is counted, what it takes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from imagemill.errors import InvalidRequest, Unavailable
from imagemill.queue.rabbitmq import RabbitMQQueue
from imagemill.queue.rabbitmq_connection import Login
from imagemill.queue.rabbitmq_settings import RabbitMQSettings
from imagemill.queue.tls import TLSSettings
from tests.peers.proof import server_mark
from tests.peers.rabbitmq import RabbitMQServer, free_port, rabbitmq_server

pytestmark = server_mark("rabbitmq")

WAIT_S = 20.0
TIMEOUT_MS = 1500
"""How long this server leaves a message in one consumer's hands: 30 minutes elsewhere."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make files of one authority, a server and a client."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name in ("localhost", "client.example"):
        issued = authority.issue_cert(name)
        issued.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}.pem")
    return folder


@pytest.fixture(scope="module")
def tls_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(
    certificates: Path, tls_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RabbitMQServer]:
    """Run a server that asks for certificates at a second port, and soon takes messages back."""
    lines = [
        f"listeners.ssl.1 = 127.0.0.1:{tls_port}",
        f"ssl_options.cacertfile = {certificates / 'ca.pem'}",
        f"ssl_options.certfile = {certificates / 'localhost.pem'}",
        f"ssl_options.keyfile = {certificates / 'localhost.pem'}",
        "ssl_options.verify = verify_peer",
        "ssl_options.fail_if_no_peer_cert = true",
        f"consumer_timeout = {TIMEOUT_MS}",
    ]
    looks = "-rabbit channel_tick_interval 500"
    folder = tmp_path_factory.mktemp("server")
    with rabbitmq_server(folder, lines, words=looks, is_managed=True) as running:
        yield running


@asynccontextmanager
async def opened(*servers: str, **more: object) -> AsyncIterator[RabbitMQQueue]:
    login = replace(Login(servers, RabbitMQSettings(), TLSSettings()), **more)  # type: ignore[arg-type]  # as given
    queue = RabbitMQQueue(login, time.time)
    await queue.start()
    yield queue
    await queue.close()


async def test_certificates_open_a_guarded_port(
    server: RabbitMQServer, certificates: Path, tls_port: int
) -> None:
    client = certificates / "client.example.pem"
    tls = TLSSettings(ca_file=certificates / "ca.pem", certificate_file=client, key_file=client)

    async with opened(f"amqps://guest:guest@localhost:{tls_port}/", tls=tls) as queue:
        await queue.publish("guarded", [b"in"])

        assert await queue.depth("guarded") == 1


async def test_a_server_that_nobody_vouches_for_is_not_spoken_to(
    server: RabbitMQServer, tls_port: int
) -> None:
    async with opened(f"amqps://guest:guest@localhost:{tls_port}/") as queue:
        with pytest.raises(Unavailable):
            await queue.publish("guarded", [b"secret"])


async def test_a_wrong_password_is_refused_at_the_start(server: RabbitMQServer) -> None:
    with pytest.raises(InvalidRequest, match="does not let us in"):
        async with opened(server.url.replace("guest:guest", "guest:wrong")):
            pass


async def test_any_server_of_the_address_will_do(server: RabbitMQServer) -> None:
    async with opened("amqp://guest:guest@127.0.0.1:9/", server.url) as queue:
        await queue.publish("any", [b"in"])

        assert await queue.depth("any") == 1


async def test_with_the_management_depth_counts_what_others_hold(server: RabbitMQServer) -> None:
    managed = RabbitMQSettings(management_url=SecretStr(server.management_url))
    async with opened(server.url, settings=managed) as queue, opened(server.url) as other:
        await queue.publish("counted", [b"1", b"2", b"3"])
        await anext(other.receive("counted"))

        async with asyncio.timeout(WAIT_S):
            while await queue.depth("counted") != 3:
                pass

        assert queue.promises.counts_all
        assert await other.depth("counted") == 3
        assert await queue.depth("never-used") == 0


async def test_a_message_in_hand_for_too_long_comes_back_although_its_consumer_lives(
    server: RabbitMQServer,
) -> None:
    async with opened(server.url) as queue:
        await queue.publish("long", [b"long"])
        receiving = queue.receive("long")
        first = await anext(receiving)

        async with asyncio.timeout(WAIT_S):
            second = await anext(receiving)
        await first.done()
        await second.done()

        assert first.body == second.body == b"long"
