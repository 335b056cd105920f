"""A caller who begins TLS and says nothing is hung up on as soon as one who asks nothing."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from imagemill import tls
from imagemill.serving.loop import Loop
from imagemill.tls import TlsSettings
from tests.peers.authority import Authority


def test_a_handshake_that_does_not_get_on_is_ended(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issued("gateway")
    public = TlsSettings(public_certificate_file=certificate, public_key_file=key)
    opened = tls.opened(public, is_gateway=True)
    assert opened.listening is not None

    with asyncio.Runner(loop_factory=lambda: Loop(0.2)) as runner:
        got = runner.run(said_nothing(opened.listening))

    assert got == b""


async def said_nothing(listening: tls.Following) -> bytes:
    """Connect and say nothing; tell what came until the server hung up."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=listening.context)
    with socket.create_connection(server.sockets[0].getsockname()) as line:
        line.setblocking(False)  # noqa: FBT003 - as the library has it
        async with asyncio.timeout(20):
            got = await loop.sock_recv(line, 1)
    server.close()
    return got
