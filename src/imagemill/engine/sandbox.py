"""The sandbox: give a picture to a locked child, get facts or outputs back, or a typed reason.

All that a service needs of the engine. Asynchronous, without threads: a call costs its messages,
and a child that hangs, crashes or is taken over costs its own order and nothing else.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog

from imagemill.contracts.facts import Facts, Limits
from imagemill.engine import answers, endings, rendering
from imagemill.engine.answers import Seen
from imagemill.engine.crew import Crew
from imagemill.engine.layers import Layer
from imagemill.engine.nursery import Child, End, Gone, Unreached
from imagemill.engine.orders import Answer, ProbeOrder, RenderOrder
from imagemill.engine.rendering import Rendering
from imagemill.engine.settings import SandboxSettings
from imagemill.engine.wire import MAX_DESCRIPTORS, Nonsense
from imagemill.errors import OutputImpossible, Unavailable

_TRIES = 3
"""Children that are tried before an order is given up; only those that died idle are passed."""


@dataclass(frozen=True, slots=True)
class Occupancy:
    """How busy the sandbox is, for health and metrics."""

    working: int
    """Orders in a child's hands."""
    waiting: int
    """Orders that wait for a place."""
    children: int
    """Children alive, at work or idle."""
    deaths: int
    """Children that died under an order since the start."""
    restarts: int
    """Zygotes started beyond the first."""
    kills: Mapping[str, int]
    """How children ended over an order since the start, by reason."""


@dataclass(frozen=True, slots=True)
class _Errand:
    """An order on its way: what is sent, for whom, and how long it may take."""

    frame: bytes
    readings: Sequence[int]
    files: Mapping[str, int]
    owner: str
    timeout_s: float
    begun: Callable[[], None] | None = None
    """Called when a child has the order."""
    hear: Callable[[int], None] | None = None

    @property
    def descriptors(self) -> Sequence[int]:
        return [*self.readings, *self.files.values()]


class Sandbox:
    """Hand orders to locked children, a bounded number at a time, first come first served."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self._crew = Crew(settings)
        self._places = asyncio.Semaphore(settings.children)
        self._working = self._waiting = self._deaths = 0
        self._kills: Counter[str] = Counter()
        self._log = structlog.get_logger("imagemill.sandbox")

    async def __aenter__(self) -> Self:
        """Start; raises `Unavailable` where a layer is missing and required."""
        await self._crew.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._crew.close()

    def layers(self) -> Sequence[Layer]:
        """Tell which layers are in force, as a locked child found them at the start."""
        return self._crew.layers

    def occupancy(self) -> Occupancy:
        """Tell how busy it is now."""
        return Occupancy(
            working=self._working,
            waiting=self._waiting,
            children=self._crew.size,
            deaths=self._deaths,
            restarts=max(0, self._crew.starts - 1),
            kills=dict(self._kills),
        )

    async def probe(self, original: int, *, limits: Limits, owner: str, timeout_s: float) -> Facts:
        """Tell what the picture in an open file is, as `look` does."""
        return (await self.look(original, limits=limits, owner=owner, timeout_s=timeout_s)).facts

    async def look(self, original: int, *, limits: Limits, owner: str, timeout_s: float) -> Seen:
        """Tell what the picture in an open file is, and what its file says in words.

        No pixel is decoded. Raises the class of `errors` that the picture or the sandbox gives
        reason for.
        """
        frame = ProbeOrder(limits=limits).model_dump_json().encode()
        with _readings(original) as readings:
            answer = await self._asked(_Errand(frame, readings, {}, owner, timeout_s))
        return answers.seen(answer)

    async def render(
        self,
        original: int,
        order: RenderOrder,
        *,
        owner: str,
        timeout_s: float,
        pictures: Sequence[int] = (),
        begun: Callable[[], None] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Rendering:
        """Make every output of one picture; leave the rendering to free its memory.

        Descriptors stay the caller's; the child gets its own, for reading only. The limit counts
        from when a child begins; `begun` is called when it has the order, and ends it by raising.
        Where work takes long, `progress` is called in the event loop with how far it is: 1 to 99,
        each higher than the one before. Raises the class of `errors` that the picture or the
        sandbox gives reason for.
        """
        frame = order.model_dump_json().encode()
        files = rendering.targets(order.outputs)
        try:
            with _readings(original, *pictures) as readings:
                errand = _Errand(frame, readings, files, owner, timeout_s, begun, progress)
                answer = await self._asked(errand)
            return Rendering(answers.finished(answer), files)
        except BaseException:
            rendering.close(files)
            raise

    async def _asked(self, errand: _Errand) -> Answer:
        if len(errand.descriptors) > MAX_DESCRIPTORS:
            raise OutputImpossible(
                f"One job takes {MAX_DESCRIPTORS} pictures and outputs together.",
                limit={"limit_files": MAX_DESCRIPTORS},
            )
        async with self._place():
            for _ in range(_TRIES):
                with suppress(Unreached):
                    return await self._answered(errand)
        raise Unavailable("The sandbox's children end before they take an order.")

    async def _answered(self, errand: _Errand) -> Answer:
        async with self._borrowed(errand.owner) as child:
            try:
                async with asyncio.timeout(errand.timeout_s):
                    said = await child.ask(
                        errand.frame, errand.descriptors, errand.begun, errand.hear
                    )
            except TimeoutError:
                self._kills["deadline"] += 1
                raise endings.late(errand.timeout_s) from None
            except Unreached:
                raise
            except Gone as gone:
                raise self._blamed(child, gone.end) from None
            except Nonsense:
                self._kills["lied"] += 1
                raise answers.nonsense() from None
            return self._noted(answers.believed(said, errand.files))

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        self._working += 1
        try:
            yield
        finally:
            self._working -= 1
            self._places.release()

    @asynccontextmanager
    async def _borrowed(self, owner: str) -> AsyncIterator[Child]:
        """Lend a child; one whose order did not end with an answer is killed, for it may hang."""
        child = await self._crew.take(owner)
        try:
            yield child
        except BaseException:
            self._crew.throw_back(child)
            raise
        self._crew.give_back(child)

    def _noted(self, answer: Answer) -> Answer:
        if answer.note:
            self._log.error("sandbox_order_failed", error=answer.error, note=answer.note)
        return answer

    def _blamed(self, child: Child, end: End) -> Exception:
        self._deaths += 1
        self._kills[endings.reason(end)] += 1
        self._log.warning("sandbox_child_died", pid=child.pid, how=endings.note(end))
        return endings.blame(end, self.settings)


@contextmanager
def _readings(*originals: int) -> Iterator[Sequence[int]]:
    """Open each file again, for reading only and with a position of its own.

    A descriptor passed on shares its position with its sender, so that two children at one file
    would move each other; and it may carry the right to write.
    """
    with ExitStack() as opened:
        yield [_reading(original, opened) for original in originals]


def _reading(original: int, opened: ExitStack) -> int:
    descriptor = os.open(f"/proc/self/fd/{original}", os.O_RDONLY | os.O_CLOEXEC)
    opened.callback(os.close, descriptor)
    return descriptor
