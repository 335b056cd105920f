"""A line to a server that can be cut, and mended, at one port."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

_PIECE_BYTES = 1 << 16
_WAIT_S = 10.0


@dataclass
class Line:
    """A port of this machine that leads to another one, while it is mended."""

    target: int
    port: int
    breaks_after_bytes: int | None = None
    """Bytes of a connection after which it is cut; None never cuts."""
    answers_break_after: list[int] = field(default_factory=list)
    """Bytes of the answers after which the next connections are cut, a number for each."""
    tls: ssl.SSLContext | None = None
    """Ends TLS at the near end; None passes everything on as it is."""
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def mend(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port, ssl=self.tls)

    async def cut(self) -> None:
        """Refuse connections, and end those that are open."""
        if self._server is not None:
            self._server.close()
        for writer in [*self._open]:
            writer.transport.abort()

    async def renew(self, *, answers_break_after: list[int]) -> None:
        """End the connections that are open; the next ones break as told."""
        await self.cut()
        self.answers_break_after = answers_break_after
        await self.mend()

    async def _pass(self, near: asyncio.StreamReader, caller: asyncio.StreamWriter) -> None:
        far, called = await asyncio.open_connection("127.0.0.1", self.target)
        ends = {caller, called}
        most = self.answers_break_after.pop() if self.answers_break_after else None
        self._open |= ends
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(_copy(near, called, self.breaks_after_bytes))
                ways.create_task(_copy(far, caller, most))
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


class ThreadedLine:
    """The same for tests that do not run in a loop: it has one of its own, in a thread."""

    def __init__(self, target: int, port: int) -> None:
        """Lead a port to another one; it is cut until it is mended."""
        self._line = Line(target, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        """Address of the near end."""
        return f"http://127.0.0.1:{self._line.port}"

    def mend(self) -> None:
        """Let connections through."""
        self._do(self._line.mend())

    def cut(self) -> None:
        """Refuse connections, and end those that are open."""
        self._do(self._line.cut())

    def close(self) -> None:
        """Cut it for good."""
        self.cut()
        self._do(self._rest())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _rest(self) -> None:
        """Wait for what is being passed on, which has just been cut."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_WAIT_S)
