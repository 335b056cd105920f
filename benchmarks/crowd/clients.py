"""The crowd itself, in a process of its own: slow clients, or uploads.

It ends when its standard input does, or when its uploads are done, and prints what became of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.wire import HOST

SLOW = ("head", "body", "answer")
"""What a slow client is slow at."""
_PER_ADDRESS = 25
"""Clients that share an address; a crowd of one address is turned away by its number alone."""
_DRIP_S = 1.0
GATHERED_S = 10.0
"""Seconds over which slow clients arrive: they are no crowd that was told to come at once."""
_BLOCK_BYTES = 1_000_000
_WIDTH, _HEIGHT = 4000, 4150
"""49.8 MB of three bands, 50,000,000 being the limit."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Clients of one server."""

    port: int
    key: str
    path: str
    """What slow readers ask for."""
    seen: Counter[str] = field(default_factory=Counter)
    """How many clients ended in which way."""

    async def slow(self, count: int) -> None:
        """Be slow, and come back whenever the server has had enough; until standard input ends."""
        ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        pause_s = GATHERED_S / count
        lanes = [
            asyncio.create_task(self._again(number, number * pause_s)) for number in range(count)
        ]
        await ended
        for each in lanes:
            each.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)

    async def upload(self, count: int) -> None:
        """Send so many pictures of 50 MB at once, each another one."""
        await asyncio.gather(*(self._upload(number) for number in range(count)))

    async def _again(self, number: int, after_s: float) -> None:
        await asyncio.sleep(after_s)
        act = (self._drip_head, self._drip_body, self._sip)[number % len(SLOW)]
        while True:
            self.seen[f"{SLOW[number % len(SLOW)]}, begun"] += 1
            with suppress(OSError):
                await self._connected(number, act)

    async def _connected(
        self,
        number: int,
        act: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    ) -> None:
        address = f"127.0.{1 + number // _PER_ADDRESS}.1"
        reader, writer = await asyncio.open_connection(
            HOST, self.port, local_addr=(address, 0), limit=1024
        )
        try:
            await act(reader, writer)
        finally:
            writer.close()

    async def _drip_head(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\nx-a: ")
        await _drip(reader, writer)

    async def _drip_body(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._head("POST", "/api/v1/images", "content-length: 40000000"))
        await _drip(reader, writer)

    async def _sip(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(4):  # More than the kernel's buffers take.
            writer.write(self._head("GET", self.path))
        wire = writer.get_extra_info("socket")
        # What arrived before the server hung up could be read for hours yet.
        while not wire.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            await reader.read(100)
            await asyncio.sleep(_DRIP_S)

    async def _upload(self, number: int) -> None:
        reader, writer = await asyncio.open_connection(HOST, self.port)
        length = sum(map(len, picture(number)))
        writer.write(self._head("POST", "/api/v1/images", f"content-length: {length}"))
        with suppress(ConnectionError):
            for piece in picture(number):
                writer.write(piece)
                await writer.drain()
        answer = await reader.readline()
        self.seen[answer.decode("latin-1").strip() or "hung up"] += 1
        writer.close()

    def _head(self, method: str, path: str, *fields: str) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "host: a", f"x-api-key: {self.key}", *fields]
        return "\r\n".join([*lines, "", ""]).encode()


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send ten bytes a second until the server answers or hangs up."""
    while not reader.at_eof():
        writer.write(b"a" * 10)
        await writer.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRIP_S):
                if not await reader.read(1024):
                    return


def picture(number: int) -> Iterator[bytes]:
    """Give a TIFF of 49.8 MB in pieces: one block of noise again and again, another one for each.

    The same bytes are sent from a few megabytes of memory, however many are under way.
    """
    size = _WIDTH * _HEIGHT * 3
    yield _tiff_head(size)
    yield struct.pack("<Q", number) + os.urandom(_BLOCK_BYTES - 8)
    left = size - _BLOCK_BYTES
    while left > 0:
        yield _NOISE[: min(left, _BLOCK_BYTES)]
        left -= _BLOCK_BYTES


_NOISE = os.urandom(_BLOCK_BYTES)


def _tiff_head(size: int) -> bytes:
    """Write the head of an uncompressed little-endian TIFF of three bands in one strip."""
    entries = (
        *((256, 4, 1, _WIDTH), (257, 4, 1, _HEIGHT), (258, 3, 3, 122), (259, 3, 1, 1)),
        *(
            (262, 3, 1, 2),
            (273, 4, 1, 128),
            (277, 3, 1, 3),
            (278, 4, 1, _HEIGHT),
            (279, 4, 1, size),
        ),
    )
    directory = b"".join(struct.pack("<HHII", *each) for each in entries)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + directory + struct.pack("<I", 0)
    return head.ljust(122, b"\0") + struct.pack("<3H", 8, 8, 8)


async def _main(kind: str, count: int, crowd: Crowd) -> None:
    await (crowd.slow(count) if kind == "slow" else crowd.upload(count))
    print(json.dumps(crowd.seen))


if __name__ == "__main__":
    what, many, port, shown, asked = sys.argv[1:6]
    asyncio.run(_main(what, int(many), Crowd(int(port), shown, asked)))
