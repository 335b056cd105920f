"""A service at a loopback address that misbehaves on demand, and can go away and come back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def reply(status: int = 200, body: bytes = b"{}", media: str = "application/json") -> Answer:
    """Answer each request at once."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {media}\r\ncontent-length: {len(body)}\r\n"
        writer.write(f"{head}connection: close\r\n\r\n".encode() + body)
        await writer.drain()

    return answer


def reply_after(released: asyncio.Event) -> Answer:
    """Answer each request when the test says so."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        await released.wait()
        await reply()(writer)

    return answer


def stream_until(released: asyncio.Event) -> Answer:
    """Begin an answer at once, and break off in its middle when the test says so."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        head = "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ncontent-length: 999999\r\n\r\n"
        writer.write(head.encode() + b"first")
        await writer.drain()
        await released.wait()

    return answer


def stream_until_left(gone: asyncio.Event) -> Answer:
    """Begin an answer that has no end, and tell when who listened is gone."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        head = "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ncontent-length: 999999\r\n\r\n"
        writer.write(head.encode() + b"first")
        with suppress(ConnectionError):
            await writer.drain()
            while not writer.transport.is_closing():
                await asyncio.sleep(0.01)  # sleeps: between two looks, until the other side is gone
                writer.write(b".")
        gone.set()

    return answer


async def break_off(writer: asyncio.StreamWriter) -> None:
    """Send the beginning of a small answer, and no more."""
    writer.write(b"HTTP/1.1 200 X\r\ncontent-length: 1000\r\n\r\nfirst")
    await writer.drain()


async def hang_up(_: asyncio.StreamWriter) -> None:
    """End the connection without an answer."""


class Loopback:
    """One service: `answer` decides what a request gets, `requests` counts them."""

    def __init__(self) -> None:
        self.answer: Answer = reply()
        self.requests = 0
        self._socket = _bound(0)
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; before that every connection is refused."""
        self._server = await asyncio.start_server(self._serve, sock=self._socket)

    async def stop(self) -> None:
        """End every connection and refuse new ones; the port is kept for the next start."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in self._serving:
            connection.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        self._socket.close()
        self._socket = _bound(int(self.address.rpartition(":")[2]))

    async def close(self) -> None:
        """End for good."""
        await self.stop()
        self._socket.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._serving.add(connection)
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            await self.answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # The caller is gone, or the service: either way this connection is over.
        finally:
            self._serving.discard(connection)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


def _bound(port: int) -> socket.socket:
    """Hold a port without listening at it, so that connections are refused."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", port))
    return held
