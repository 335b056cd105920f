"""An HTTP/1.1 client that costs next to nothing, because it shares two cores with the server."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

HOST = "127.0.0.1"
_PIECE_BYTES = 65_536

Body = Sequence[bytes | memoryview]
"""A request's body in pieces that are sent one after the other and never joined."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def expect(self, *statuses: int) -> Self:
        """Give the reply back when its status is one of these; raise `UnexpectedReply` if not."""
        if self.status not in statuses:
            raise UnexpectedReply(f"{self.status} instead of {statuses}: {self.body[:500]!r}")
        return self

    def json(self) -> Any:  # noqa: ANN401 - the shape is the answering server's choice
        """Read the body as JSON."""
        return json.loads(self.body)


class UnexpectedReply(Exception):
    """Say that a server answered something that ends the measurement."""


class Line:
    """One kept-alive connection on loopback, one request at a time."""

    def __init__(self, port: int) -> None:
        """Remember where to connect; the connection is made at the first request."""
        self._port = port
        self._socket: socket.socket | None = None
        self._buffer = bytearray()

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Body = ()
    ) -> Reply:
        """Send one request and read the whole answer."""
        connection = await self._connected()
        await self._send(connection, _head(method, path, headers or {}, body), body)
        status, answered = _parsed(await self._until(b"\r\n\r\n"))
        content = await self._content(status, answered)
        if answered.get("connection", "").lower() == "close":
            self.close()
        return Reply(status, answered, content)

    def close(self) -> None:
        """Hang up; the next request connects anew."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._buffer.clear()

    async def _connected(self) -> socket.socket:
        if self._socket is None:
            fresh = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            fresh.settimeout(0)
            fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                await asyncio.get_running_loop().sock_connect(fresh, (HOST, self._port))
            except OSError:
                fresh.close()
                raise
            self._socket = fresh
        return self._socket

    @staticmethod
    async def _send(connection: socket.socket, head: bytes, body: Body) -> None:
        """Send with one system call where the socket's buffer takes it all."""
        pieces = [memoryview(piece) for piece in (head, *body)]
        try:
            sent = connection.sendmsg(pieces)
        except BlockingIOError:
            sent = 0
        for piece in rest(pieces, sent):
            await asyncio.get_running_loop().sock_sendall(connection, piece)

    async def _content(self, status: int, headers: Mapping[str, str]) -> bytes:
        if status in {204, 304}:
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await self._chunks()
        return await self._exactly(int(headers.get("content-length", "0")))

    async def _chunks(self) -> bytes:
        content = bytearray()
        while size := int((await self._until(b"\r\n")).split(b";")[0], 16):
            content += await self._exactly(size)
            await self._exactly(2)
        await self._until(b"\r\n")
        return bytes(content)

    async def _until(self, mark: bytes) -> bytes:
        while (end := self._buffer.find(mark)) < 0:
            await self._more()
        return self._taken(end + len(mark))

    async def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            await self._more()
        return self._taken(count)

    def _taken(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def _more(self) -> None:
        connection = await self._connected()
        piece = await asyncio.get_running_loop().sock_recv(connection, _PIECE_BYTES)
        if not piece:
            self.close()
            raise UnexpectedReply("The server hung up in the middle of an answer.")
        self._buffer += piece


def free_port() -> int:
    """Find a port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def rest(pieces: Sequence[memoryview], sent: int) -> Iterator[memoryview]:
    """Give what is left of some pieces after their first bytes were sent; nothing is copied."""
    for piece in pieces:
        if sent < len(piece):
            yield piece[sent:]
        sent = max(0, sent - len(piece))


def _head(method: str, path: str, headers: Mapping[str, str], body: Body) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"Content-Length: {sum(map(len, body))}")
    return "\r\n".join([*lines, "", ""]).encode()


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(first.split(" ", 2)[1]), {
        name.strip().lower(): value.strip() for name, _, value in pairs
    }
