"""A line that breaks: a proxy on loopback that cuts a connection after so many bytes, so often."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

_PIECE_BYTES = 1 << 16


@dataclass
class Cutting:
    """One port of this machine before another one."""

    target: int
    after_bytes: int
    """Bytes of a connection's sending side that pass before it is cut."""
    left: int
    """Cuts to come; then connections live."""
    port: int = 0
    passed_bytes: int = 0
    """What went through to the target, over all connections."""
    cuts: int = 0

    async def serve(self, has_begun: threading.Event, over: asyncio.Event) -> None:
        """Listen until it is over."""
        async with await asyncio.start_server(self._pass, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            has_begun.set()
            await over.wait()
            server.close()

    async def _pass(self, near: asyncio.StreamReader, caller: asyncio.StreamWriter) -> None:
        far, called = await asyncio.open_connection("127.0.0.1", self.target)
        ways = [
            asyncio.create_task(self._there(near, called)),
            asyncio.create_task(_back(far, caller)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            caller.transport.abort()
            called.close()  # What was passed on arrives: a reset would take it back.

    async def _there(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        passed = 0
        while piece := await source.read(_PIECE_BYTES):
            sink.write(piece)
            await sink.drain()
            passed += len(piece)
            self.passed_bytes += len(piece)
            if self.left and passed >= self.after_bytes:
                self.left -= 1
                self.cuts += 1
                return


async def _back(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while piece := await source.read(_PIECE_BYTES):
        sink.write(piece)
        await sink.drain()


@contextlib.contextmanager
def cutting(target: int, *, after_bytes: int, times: int) -> Iterator[Cutting]:
    """Put a line that breaks before a port for a block."""
    line = Cutting(target, after_bytes, times)
    has_begun, over = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        await line.serve(has_begun, over)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    has_begun.wait(10)
    try:
        yield line
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join()
