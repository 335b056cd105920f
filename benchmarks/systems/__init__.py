"""What the benchmark asks of a system under test: the port that each file of this folder adapts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from benchmarks.pictures import Photo


@dataclass(frozen=True, slots=True)
class Rendition:
    """One file to make of a photograph, never enlarged."""

    name: str
    width: int
    height: int | None
    """Pixels; the photograph is cropped in the middle to fit. None keeps its proportions."""
    format: str
    """`jpeg` or `webp`."""
    quality: int = 80


SMALL = Rendition("small", 400, 300, "jpeg")
FIVE = (
    Rendition("huge", 1600, None, "jpeg"),
    Rendition("large", 800, None, "jpeg"),
    Rendition("large_webp", 800, None, "webp"),
    Rendition("medium", 400, None, "webp"),
    Rendition("tiny", 200, None, "jpeg"),
)


class NotInstalled(Exception):
    """Say what a system lacks on this machine and how it is installed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a system is installed and where it may write."""

    tools: Path
    folder: Path
    """Empty when the system starts; removed afterwards."""
    poll_s: float
    """Shortest pause between two looks at a job, the same for every system."""


class Lane(Protocol):
    """One client of a system: gives it one job at a time and waits for the stored results."""

    async def shrink(self, photo: Photo) -> None:
        """Hand over a photo that the system never saw and have `SMALL` made of it."""

    async def five(self, photo: Photo) -> None:
        """Hand over a photo that the system never saw and have `FIVE` made of it."""

    async def keep(self, photo: Photo) -> str:
        """Have `SMALL` made once and name the photo so that `repeat` can ask again."""

    async def repeat(self, kept: str) -> None:
        """Ask for the same work again, without handing the photo over."""

    @property
    def looks(self) -> int:
        """Times that it asked so far whether a job was done."""

    async def look(self) -> None:
        """Ask once more how the last job stands, uncounted; only a lane that `looks` does it."""

    def close(self) -> None:
        """Hang up."""


class Running(Protocol):
    """A system that answers."""

    @property
    def roots(self) -> Sequence[int]:
        """Ids of the processes that everything of the system descends from."""

    def lane(self, number: int) -> Lane:
        """Connect one more client."""


class System(Protocol):
    """A way to do the work, named as in the table."""

    name: ClassVar[str]
    most_lanes: ClassVar[int | None]
    """Clients that it can have at once; None for any number."""
    has_memory: ClassVar[bool]
    """Whether it can `keep` and `repeat`."""

    def versions(self, tools: Path) -> str:
        """Name the versions of what does the work; raise `NotInstalled` when it cannot run."""

    def start(self, place: Place) -> AbstractAsyncContextManager[Running]:
        """Run it until the block ends; it is ready when the block begins."""


class JobFailed(Exception):
    """Say that a system gave a job up, which ends the measurement."""


class Unwatched:
    """What lanes have in common that hear of a job's end without asking."""

    looks: int = 0

    async def look(self) -> None:
        """Refuse: it never asks."""
        raise NotImplementedError


async def looks(pause_s: float) -> AsyncIterator[None]:
    """Say when to look at a job again, for ever; the caller breaks off when it is done.

    The pause is a tenth of what the job has taken so far where that is longer, so that a slow
    system is not made slower by being asked, and no wait is seen as more than 10 % too long.
    """
    began = time.perf_counter()
    while True:
        await asyncio.sleep(max(pause_s, (time.perf_counter() - began) / 10))
        yield
