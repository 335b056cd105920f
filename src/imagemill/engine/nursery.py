"""The parent's side of the zygote: start the program, ask it for children, hear how they end."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from imagemill.engine import wire
from imagemill.engine.layers import Layer
from imagemill.engine.lock import Bounds
from imagemill.errors import Unavailable

PROGRAM = "imagemill.engine.zygote"
ENVIRONMENT: Mapping[str, str] = {
    "LANG": "C.UTF-8",
    "VIPS_BLOCK_UNTRUSTED": "1",
    "VIPS_CONCURRENCY": "1",
    # libvips spills decoded pictures above this to a file, which a child cannot make.
    "VIPS_DISC_THRESHOLD": "100g",
    "MALLOC_ARENA_MAX": "2",
    # Both, or glibc gives memory back after each picture (500 page faults each) and takes it again.
    # Mappings of their own for large blocks cost 1 to 3 % more CPU, and 20 MB at the peak of five
    # renditions; large pages (`glibc.malloc.hugetlb=1`) help five by 3 % and cost one 1 %.
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "134217728",
}
"""All that the zygote and its children have of an environment: nothing of the parent's."""
_END_S = 5.0


@dataclass(frozen=True)
class End:
    """How a child ended."""

    status: int | None
    """As `os.wait4` gives it; None where the zygote died with it or could not fork it."""
    reason: str = ""
    peak_memory_bytes: int = 0


class Gone(Exception):
    """Tell that a child ended while it had an order."""

    def __init__(self, end: End) -> None:
        super().__init__(end.reason or f"status {end.status}")
        self.end = end


class Unreached(Gone):
    """Tell that a child ended before an order reached it, so that another one can take it."""


class Child:
    """A child as its parent sees it: a number, a socket, and what it did so far."""

    def __init__(self, number: int, channel: socket.socket) -> None:
        self.number = number
        self.pid: int | None = None
        """Set when the zygote has forked it."""
        self.owner: str | None = None
        """Whose orders it serves; set with its first order."""
        self.orders = 0
        self.cpu_s = 0.0
        self.layers: tuple[Layer, ...] | None = None
        """Set when it has said that it is locked in."""
        self.ended: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._channel = channel
        self._received = bytearray()

    async def greet(self) -> Sequence[Layer]:
        """Wait until it is locked in, and by what; raises `Unreached` if it ended before."""
        if self.layers is None:
            try:
                hello = wire.Hello.model_validate_json(await self._frame())
            except Gone as gone:
                raise Unreached(gone.end) from None
            if hello.broken:
                raise Unreached(End(None, hello.broken))
            self.layers = hello.layers
        return self.layers

    async def ask(
        self,
        frame: bytes,
        descriptors: Sequence[int],
        begun: Callable[[], None] | None = None,
        hear: Callable[[int], None] | None = None,
    ) -> bytes:
        """Send an order, say so by `begun`, and wait for its answer.

        `hear` is given how far it is, up to 99 times.

        Raises `Unreached` if it had ended before, `Gone` if it ended over the order, and
        `wire.Nonsense` if what it says can be no answer.
        """
        await self.greet()
        try:
            await self._send(wire.framed(frame), descriptors)
        except (BrokenPipeError, ConnectionResetError):
            raise Unreached(await self._end()) from None
        self.orders += 1
        if begun is not None:
            begun()
        return await self._answer(hear)

    def let_go(self) -> None:
        """Hang up; an idle child then ends by itself."""
        self._channel.close()

    async def _send(self, frame: bytes, descriptors: Sequence[int]) -> None:
        sent = socket.send_fds(self._channel, [frame], list(descriptors))
        if sent < len(frame):
            await asyncio.get_running_loop().sock_sendall(self._channel, frame[sent:])

    async def _answer(self, hear: Callable[[int], None] | None) -> bytes:
        percent = 0
        while (further := wire.progress(said := await self._frame(), after=percent)) is not None:
            percent = further
            if hear:
                hear(percent)
        if self._received:
            raise wire.Nonsense("Something follows the answer.")
        return said

    async def _frame(self) -> bytes:
        loop = asyncio.get_running_loop()
        while (whole := wire.body(self._received)) is None:
            try:
                piece = await loop.sock_recv(self._channel, wire.NOTE_BYTES)
            except ConnectionResetError:
                # The kernel's word that it ended with our frame unread.
                raise Unreached(await self._end()) from None
            if not piece:
                raise Gone(await self._end())
            self._received += piece
        return whole

    async def _end(self) -> End:
        """Wait for the zygote's word of its end, which follows within moments."""
        ended, _ = await asyncio.wait([self.ended], timeout=_END_S)
        return self.ended.result() if ended else End(None, "nobody told how it ended")


class Nursery:
    """One zygote and its children, from start to end."""

    def __init__(self, control: socket.socket, program: subprocess.Popen[bytes]) -> None:
        self._control = control
        self._program = program
        self._children: dict[int, Child] = {}
        self._born = 0
        loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[wire.Ready] = loop.create_future()
        self._gone: asyncio.Future[None] = loop.create_future()
        loop.add_reader(control, self._heed)

    @classmethod
    async def start(cls, bounds: Bounds, *, within_s: float) -> Nursery:
        """Start a zygote and wait until it can fork; raises `Unavailable` where it cannot."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            program = _started(wire.Plan(control=theirs.fileno(), bounds=bounds))
        ours.settimeout(0)
        nursery = cls(ours, program)
        try:
            async with asyncio.timeout(within_s):
                await asyncio.shield(nursery._ready)
        except BaseException as reason:
            await nursery.close()
            if isinstance(reason, TimeoutError):
                raise Unavailable(f"The sandbox did not start in {within_s} s.") from reason
            raise
        return nursery

    @property
    def pid(self) -> int:
        """Process id of the zygote."""
        return self._program.pid

    @property
    def alive(self) -> bool:
        """Whether the zygote can still fork."""
        return not self._gone.done()

    @property
    def children(self) -> Sequence[Child]:
        """Children that have not ended yet."""
        return tuple(self._children.values())

    def fork(self) -> Child:
        """Ask for a child, which can be given an order at once."""
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        self._born += 1
        child = self._children[self._born] = Child(self._born, ours)
        with theirs:
            self._tell(wire.Fork(child=child.number), theirs.fileno())
        return child

    def kill(self, child: Child) -> None:
        """End a child at once, whatever it does."""
        child.let_go()
        if not child.ended.done():
            self._tell(wire.Kill(child=child.number))

    async def close(self) -> None:
        """End the zygote and every child, and wait for them."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        ended, _ = await asyncio.wait([self._gone], timeout=_END_S)
        if not ended:
            self._program.kill()
        self._mourn()
        self._program.wait()

    def _tell(self, note: wire.Fork | wire.Kill, *beside: int) -> None:
        try:
            wire.tell(self._control, note, *beside)
        except (BrokenPipeError, ConnectionResetError):
            self._mourn()
        except BlockingIOError:
            # It has not read for 150 notes: it hangs. Its end is heard like any other.
            self._program.kill()

    def _heed(self) -> None:
        try:
            heard = wire.hear(self._control)
        except BlockingIOError:
            return
        except ConnectionResetError:
            heard = None
        if heard is None:
            self._mourn()
        else:
            self._note(heard[0])

    def _note(self, note: wire.Note) -> None:
        if isinstance(note, wire.Ready):
            self._ready.set_result(note)
        elif isinstance(note, wire.Forked) and note.child in self._children:
            self._children[note.child].pid = note.pid
        elif isinstance(note, wire.Ended):
            self._bury(note.child, End(note.status, peak_memory_bytes=note.peak_memory_bytes))
        elif isinstance(note, wire.Broken) and note.child is not None:
            self._bury(note.child, End(None, note.reason))
        elif isinstance(note, wire.Broken):
            self._ready.set_exception(Unavailable(_why(note.reason)))

    def _bury(self, number: int, end: End) -> None:
        child = self._children.pop(number, None)
        if child is not None and not child.ended.done():
            child.ended.set_result(end)

    def _mourn(self) -> None:
        """Note that the zygote is gone, and with it every child."""
        if self._gone.done():
            return
        asyncio.get_running_loop().remove_reader(self._control)
        self._control.close()
        self._gone.set_result(None)
        if not self._ready.done():
            self._ready.set_exception(Unavailable("The sandbox ended before it was ready."))
        for number in tuple(self._children):
            self._bury(number, End(None, "the zygote ended"))


def _why(reason: str) -> str:
    last = reason.strip().splitlines()[-1] if reason.strip() else "it did not say why"
    return f"The sandbox cannot start: {last}"


def _started(plan: wire.Plan) -> subprocess.Popen[bytes]:
    """Start the program with nothing of ours but its control socket."""
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module; nothing of a caller.
        [sys.executable, "-I", "-X", "utf8", "-m", PROGRAM, plan.model_dump_json()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[plan.control],
        env=dict(ENVIRONMENT),
        cwd=os.sep,
        start_new_session=True,
    )
