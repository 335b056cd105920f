"""A thread that works off units in order, those that wait at the same moment together."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from imagemill.database import Unit

T = TypeVar("T")

UNITS_PER_COMMIT: Final = 64
"""Units that share one commit at most; more would let the first wait for the last."""


@dataclass(slots=True)
class Waiting:
    """One unit, and what became of it."""

    unit: Unit[Any]
    answer: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    durable: bool
    result: Any = None
    error: BaseException | None = None


class Engine(Protocol):
    """What a thread does with its units; it is called from that thread alone."""

    def work(self, batch: Sequence[Waiting]) -> None:
        """Run units and set the result or the error of each; raises nothing."""
        ...

    def afterwards(self) -> None:
        """Do what need not be done before the units are answered; raises nothing."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class Line:
    """One thread, one inbox, one engine."""

    def __init__(self, name: str, engine: Engine) -> None:
        """Start the thread, which waits for the first unit."""
        self._engine = engine
        self._inbox: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, unit: Unit[T], *, durable: bool) -> T:
        """Run a unit in its turn; raises what it raised."""
        loop = asyncio.get_running_loop()
        waiting = Waiting(unit, loop.create_future(), loop, durable)
        self._inbox.put(waiting)
        result: T = await waiting.answer
        return result

    def stop(self) -> None:
        """Work off what waits, and end; blocks until then."""
        self._inbox.put(None)
        self._thread.join()

    def _work(self) -> None:
        while batch := self._next_batch():
            self._engine.work(batch)
            _answer(batch)
            self._engine.afterwards()
        self._engine.close()

    def _next_batch(self) -> list[Waiting]:
        first = self._inbox.get()
        batch = [] if first is None else [first]
        while batch and len(batch) < UNITS_PER_COMMIT and not self._inbox.empty():
            following = self._inbox.get()
            if following is None:
                self._inbox.put(None)
                break
            batch.append(following)
        return batch


def _answer(batch: Sequence[Waiting]) -> None:
    loops = {id(waiting.loop): waiting.loop for waiting in batch}
    for key, loop in loops.items():
        mine = [waiting for waiting in batch if id(waiting.loop) == key]
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, mine)


def _resolve(batch: Sequence[Waiting]) -> None:
    for waiting in batch:
        if waiting.answer.done():
            continue
        if waiting.error is not None:
            waiting.answer.set_exception(waiting.error)
        else:
            waiting.answer.set_result(waiting.result)
