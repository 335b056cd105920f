"""A connection over a real socket, before an app as small as it can be."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from imagemill.contracts.transport import ASGIApp, Receive, Scope, Send
from imagemill.gateway.settings import GatewaySettings
from imagemill.serving.crowd import Crowd
from imagemill.serving.line import Line
from imagemill.serving.pace import Bounds, bounds_for, watching

QUICK = replace(bounds_for(GatewaySettings(), is_gateway=True), head_s=0.3, slow_s=0.3)
ASKED = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


async def answer(_: Scope, __: Receive, send: Send, *, size: int = 2) -> None:
    head = [(b"content-length", b"%d" % size)]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    for at in range(0, size, 100_000):
        piece = bytes(min(100_000, size - at))
        is_last = at + len(piece) == size
        await send({"type": "http.response.body", "body": piece, "more_body": not is_last})


@asynccontextmanager
async def served(bounds: Bounds, app: ASGIApp = answer) -> AsyncIterator[socket.socket]:
    """Serve, and give a connection that reads only what it is made to read."""
    loop, crowd = asyncio.get_running_loop(), Crowd(bounds, [])
    config = Config(app, interface="asgi3", proxy_headers=False, log_config=None)
    made = partial(Line, config, ServerState(), {}, bounds=bounds, crowd=crowd)
    server = await loop.create_server(made, "127.0.0.1", 0)
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.setblocking(False)  # noqa: FBT003 - as the library has it
        await loop.sock_connect(line, server.sockets[0].getsockname())
        yield line
    server.close()
    await server.wait_closed()


async def read(line: socket.socket) -> bytes:
    """Read until the server hangs up."""
    loop, answered = asyncio.get_running_loop(), bytearray()
    async with asyncio.timeout(20):
        with suppress(ConnectionResetError):
            while piece := await loop.sock_recv(line, 65_536):
                answered += piece
    return bytes(answered)


async def sent(line: socket.socket, *pieces: bytes) -> None:
    for piece in pieces:
        await asyncio.get_running_loop().sock_sendall(line, piece)


async def hung_up(line: socket.socket) -> None:
    """Wait until the server has hung up, without reading what it sent."""
    async with asyncio.timeout(20):
        while True:
            with suppress(BlockingIOError):
                if line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    return
            await asyncio.sleep(0.02)  # sleeps: between two looks


async def test_who_asks_nothing_at_the_port_for_watching_does_not_stay() -> None:
    bounds = replace(watching(GatewaySettings()), head_s=0.3, slow_s=0.3)

    async with served(bounds) as line:
        assert await read(line) == b""


async def test_an_answer_leaves_whole_for_who_takes_it() -> None:
    async with served(QUICK, partial(answer, size=3_000_000)) as line:
        await sent(line, ASKED.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))

        assert (await read(line)).endswith(bytes(100_000))


@pytest.mark.parametrize(
    "bounds",
    [replace(QUICK, untaken=0), replace(QUICK, slowest=0, untaken=50_000)],
    ids=["too slow", "too much"],
)
async def test_who_does_not_take_an_answer_is_hung_up_on(bounds: Bounds) -> None:
    async with served(bounds, partial(answer, size=30_000_000)) as line:
        await sent(line, ASKED)

        await hung_up(line)


async def test_a_head_that_does_not_end_gets_an_answer_and_silence_gets_none() -> None:
    async with served(QUICK) as line:
        await sent(line, b"GET / HTT")
        told = await read(line)
    async with served(QUICK) as line:
        silence = await read(line)

    assert told.startswith(b"HTTP/1.1 408 ")
    assert silence == b""


async def test_who_is_one_too_many_is_told_so() -> None:
    async with served(replace(QUICK, connections=0, connections_per_address=1)) as first:
        with socket.create_connection(first.getpeername()) as second:
            second.setblocking(False)  # noqa: FBT003 - as the library has it
            told = await read(second)

    assert told.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 5\r\n" in told


async def test_half_a_second_request_does_not_break_into_the_first_answer() -> None:
    async with served(QUICK, partial(answer, size=30_000_000)) as line:
        await sent(line, ASKED)
        begun = await asyncio.get_running_loop().sock_recv(line, 100)
        await sent(line, b"GET / HTTP/9.9\r\n\r\n")
        rest = await read(line)

    assert begun.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 " not in rest


async def test_the_end_of_a_large_body_may_come_with_the_next_request() -> None:
    body = bytes(200_000)
    first = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n"
    last = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    async with served(QUICK) as line:
        await sent(line, first + body[:1000], body[1000:] + last)

        told = await read(line)

    assert told.count(b"HTTP/1.1 200 ") == 2
    assert b"HTTP/1.1 400 " not in told
