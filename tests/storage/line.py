"""A line to a server that can be cut, and mended, at one port."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

_PIECE_BYTES = 1 << 16


@dataclass
class Line:
    """A port of this machine that leads to another one, while it is mended."""

    target: int
    port: int
    breaks_after_bytes: int | None = None
    """Bytes of a connection after which it is cut; None never cuts."""
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def mend(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)

    async def cut(self) -> None:
        """Refuse connections, and end those that are open."""
        if self._server is not None:
            self._server.close()
        for writer in [*self._open]:
            writer.transport.abort()

    async def _pass(self, near: asyncio.StreamReader, caller: asyncio.StreamWriter) -> None:
        far, called = await asyncio.open_connection("127.0.0.1", self.target)
        ends = {caller, called}
        self._open |= ends
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(_copy(near, called, self.breaks_after_bytes))
                ways.create_task(_copy(far, caller, None))
        except* OSError:
            pass
        finally:
            self._open -= ends
            for each in ends:
                each.transport.abort()


async def _copy(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, most_bytes: int | None
) -> None:
    passed = 0
    while piece := await source.read(_PIECE_BYTES):
        sink.write(piece)
        await sink.drain()
        passed += len(piece)
        if most_bytes is not None and passed >= most_bytes:
            break
    raise ConnectionAbortedError
