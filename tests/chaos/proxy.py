"""A bad network: a proxy on loopback that passes on, delays, or cuts what goes through it.

It stands in for the emulation that a kernel can do. It acts on streams, not on packets: what it
delays comes late and in order, and what it drops takes its connection with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from tests.peers.ports import free_port

_PIECE_BYTES = 1 << 16
_LATE_S = 0.5


class Weather(Enum):
    """Say how the network is."""

    FINE = auto()
    LATE = auto()
    """Each piece comes half a second late."""
    DOWN = auto()
    """Connections are cut at their next piece, and new ones at once."""


@dataclass
class Proxy:
    """One listening port before one other port of this machine."""

    port: int
    target: int
    weather: Weather = Weather.FINE
    cuts: int = 0
    """Connections that were cut."""

    @property
    def url(self) -> str:
        """Address to speak to instead of the target's."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, over: asyncio.Event) -> None:
        """Listen until it is over."""
        async with await asyncio.start_server(self._pass, "127.0.0.1", self.port) as server:
            await over.wait()
            server.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError):
                await self._connected(reader, writer)
        finally:
            writer.transport.abort()

    async def _connected(self, near: asyncio.StreamReader, caller: asyncio.StreamWriter) -> None:
        if self._is_cut():
            return
        far, called = await asyncio.open_connection("127.0.0.1", self.target)
        ways = [asyncio.create_task(self._pump(*way)) for way in ((near, called), (far, caller))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            called.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while piece := await source.read(_PIECE_BYTES):
            if self._is_cut():
                return
            if self.weather is Weather.LATE:
                await asyncio.sleep(_LATE_S)  # sleeps: to be late is what it is for
            sink.write(piece)
            await sink.drain()

    def _is_cut(self) -> bool:
        is_cut = self.weather is Weather.DOWN
        self.cuts += is_cut
        return is_cut


@contextlib.contextmanager
def before(target: int) -> Iterator[Proxy]:
    """Put a proxy before a port for a block."""
    proxy, loops = Proxy(free_port(), target), list[asyncio.AbstractEventLoop]()
    over, has_begun = asyncio.Event(), threading.Event()

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        has_begun.set()
        await proxy.serve(over)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    has_begun.wait(10)
    try:
        yield proxy
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join()
