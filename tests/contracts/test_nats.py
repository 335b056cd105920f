"""What only NATS can do, or refuse: who is let in, which servers will do, what streams may be."""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from nats.aio.client import Client
from pydantic import SecretStr

from imagemill.errors import InvalidRequest, Unavailable
from imagemill.queue.nats import NATSQueue
from imagemill.queue.nats_connection import Login
from imagemill.queue.nats_settings import NATSSettings
from imagemill.queue.tls import TLSSettings
from tests.peers.certificates import Certificates
from tests.peers.nats import NATSServer, nats_server
from tests.peers.proof import server_mark

pytestmark = server_mark("nats")
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-nats.md"
WAIT_S = 15.0


@pytest.fixture(scope="module")
def guarded(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NATSServer]:
    """Run a server that speaks TLS alone, asks for a certificate, and for a name and password."""
    server = str(certificates.server)
    options = ["--tlsverify", "--tlscert", server, "--tlskey", server]
    options += ["--tlscacert", str(certificates.ca)]
    options += ["--user", "mill", "--pass", "stones"]
    with nats_server(tmp_path_factory.mktemp("guarded"), options) as running:
        yield running


@asynccontextmanager
async def opened(
    *servers: str, settings: NATSSettings | None = None, tls: TLSSettings | None = None
) -> AsyncIterator[NATSQueue]:
    login = Login(servers, settings or NATSSettings(), tls or TLSSettings())
    queue = NATSQueue(login, lambda: uuid.uuid4().hex, time.time)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(queue.close)
        await queue.start()
        yield queue


def shown(files: Certificates) -> TLSSettings:
    """Trust the authority, and show a certificate of it."""
    return TLSSettings(ca_file=files.ca, certificate_file=files.client, key_file=files.client)


def named(password: str) -> NATSSettings:
    return NATSSettings(user="mill", password=SecretStr(password))


async def test_certificates_name_and_password_open_a_guarded_server(
    guarded: NATSServer, certificates: Certificates
) -> None:
    async with opened(guarded.url, settings=named("stones"), tls=shown(certificates)) as queue:
        await queue.publish("jobs", [b"in"])

        assert await queue.depth("jobs") == 1


async def test_a_name_and_password_may_stand_in_the_address(
    guarded: NATSServer, certificates: Certificates
) -> None:
    address = guarded.url.replace("nats://", "tls://mill:stones@")

    async with opened(address, tls=shown(certificates)) as queue:
        await queue.publish("address", [b"in"])

        assert await queue.depth("address") == 1


async def test_a_wrong_password_is_refused_at_the_start(
    guarded: NATSServer, certificates: Certificates
) -> None:
    with pytest.raises(InvalidRequest, match="does not let us in"):
        async with opened(guarded.url, settings=named("sand"), tls=shown(certificates)):
            pass


async def test_a_server_that_nobody_vouches_for_is_not_spoken_to(guarded: NATSServer) -> None:
    async with opened(guarded.url, settings=named("stones")) as queue:
        with pytest.raises(Unavailable, match="certificate"):
            await queue.publish("jobs", [b"secret"])


async def test_any_server_of_the_address_will_do(nats: NATSServer) -> None:
    async with opened("nats://127.0.0.1:9", nats.url) as queue:
        await queue.publish("any", [b"in"])

        assert await queue.depth("any") == 1


async def test_keys_that_sign_need_their_package(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="pip install nkeys"):
        async with opened("nats://127.0.0.1:9", settings=NATSSettings(nkey_file=tmp_path / "seed")):
            pass


async def test_files_that_are_no_certificates_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate", encoding="utf-8")

    with pytest.raises(InvalidRequest, match="IMAGEMILL_QUEUE_TLS_CA_FILE"):
        async with opened("nats://127.0.0.1:9", tls=TLSSettings(ca_file=tmp_path / "ca.pem")):
            pass


async def test_an_old_server_is_refused(unused_tcp_port: int) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = {"server_id": "x", "version": "2.9.10", "max_payload": 1 << 20, "headers": True}
        writer.write(f"INFO {json.dumps(said)}\r\n".encode())
        await reader.readuntil(b"PING\r\n")
        writer.write(b"PONG\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", unused_tcp_port):
        with pytest.raises(InvalidRequest, match=r"is 2\.9\.10; it must be 2\.10 or newer"):
            async with opened(f"nats://127.0.0.1:{unused_tcp_port}"):
                pass


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[NATSServer]:
    """Run a server that allows a user what the page says, and nothing else."""
    shown = re.search(r"^```\n(authorization .*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert shown
    file, folder = tmp_path / "nats.conf", tmp_path / "kept"
    file.write_text(shown[1], encoding="utf-8")
    folder.mkdir()
    with nats_server(folder, ["-c", str(file)]) as running:
        yield running


async def test_the_permissions_that_are_shown_are_enough_and_no_more(strict: NATSServer) -> None:
    async with asyncio.timeout(WAIT_S), opened(strict.url, settings=named("stones")) as queue:
        await queue.publish("jobs", [b"1", b"2"])
        receiving = queue.receive("jobs")
        await (await anext(receiving)).again()
        seen = []
        for _ in range(2):
            delivery = await anext(receiving)
            seen.append(delivery.body)
            await delivery.done()
        await receiving.aclose()  # type: ignore[attr-defined]  # an async generator

        assert sorted(seen) == [b"1", b"2"]
        assert await queue.depth("jobs") == 0
        with pytest.raises(Unavailable):
            await queue.depth("others")


async def test_many_who_ask_before_the_first_connection_do_not_wait_in_turn(
    unused_tcp_port: int,
) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", unused_tcp_port):
        login = Login((f"nats://127.0.0.1:{unused_tcp_port}",), NATSSettings(), TLSSettings())
        queue = NATSQueue(login, lambda: uuid.uuid4().hex, time.time)

        async with asyncio.timeout(WAIT_S):  # Each by itself would take 3 s.
            asked = [queue.depth("jobs") for _ in range(30)]
            answers = await asyncio.gather(*asked, return_exceptions=True)

        assert {type(each) for each in answers} == {Unavailable}


async def test_a_stream_that_is_no_work_queue_is_refused(nats: NATSServer) -> None:
    client = Client()
    await client.connect(nats.url)
    await client.jetstream().add_stream(name="imagemill-kept", subjects=["imagemill.kept"])
    await client.close()

    async with opened(nats.url) as queue:
        with pytest.raises(InvalidRequest, match="imagemill-kept is no work queue"):
            await queue.publish("kept", [b"never gone"])


async def test_a_message_that_is_sent_again_under_its_id_is_there_once(nats: NATSServer) -> None:
    ids = iter(["one", "one", "two"])
    login = Login((nats.url,), NATSSettings(), TLSSettings())
    queue = NATSQueue(login, lambda: next(ids), time.time)

    for body in (b"a", b"a", b"a"):
        await queue.publish("once", [body])

    assert await queue.depth("once") == 2
    await queue.close()
