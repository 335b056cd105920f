"""A host on loopback that answers as a test says, and counts who came."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Answering = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Host:
    """What a host of a test was asked."""

    port: int = 0
    asked: list[bytes] = field(default_factory=list)
    now: int = 0
    most: int = 0
    """Largest number of connections at once."""

    @property
    def url(self) -> str:
        """Its URL by address."""
        return f"http://127.0.0.1:{self.port}/"


@asynccontextmanager
async def host(answering: Answering, tls: ssl.SSLContext | None = None) -> AsyncIterator[Host]:
    """Serve while the block runs: `answering` gets the head of each request."""
    here, answers, ended = Host(), set[asyncio.Task[None]](), set[asyncio.Event]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.add(end := asyncio.Event())
        here.now += 1
        here.most = max(here.most, here.now)
        answers.add(task := asyncio.create_task(_answered(here, answering, reader, writer)))
        await asyncio.wait({task})
        here.now -= 1
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        end.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    here.port = server.sockets[0].getsockname()[1]
    async with server:
        yield here
        for task in answers:
            task.cancel()
        for end in ended:
            await end.wait()


async def _answered(
    here: Host,
    answering: Answering,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    with suppress(OSError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        here.asked.append(head)
        await answering(head, writer)


def answer(status: int = 200, body: bytes = b"picture", **headers: str) -> Answering:
    """Answer every request alike; `_` in the name of a header is `-`."""
    fields = {"content-length": str(len(body)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    head = "\r\n".join([f"HTTP/1.1 {status} Said", *lines, "", ""]).encode()
    return raw(head + body)


def raw(sent: bytes) -> Answering:
    """Send these bytes, whatever is asked."""

    async def answering(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()

    return answering
