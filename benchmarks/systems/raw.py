"""Raw libvips: the same pixels from file to file, in two processes, with nothing round them.

It is the ceiling, not a peer: no upload, no job, no record, no limit, no box.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

from benchmarks.pictures import Photo
from benchmarks.processes import Program, Programs
from benchmarks.systems import FIVE, SMALL, JobFailed, Place, Rendition, Unwatched
from benchmarks.tools import PEERS

_PROCESSES = 2


class RawLane(Unwatched):
    """One child that takes an order as a line and answers a line when the files are written."""

    def __init__(self, child: asyncio.subprocess.Process, folder: Path) -> None:
        """Take the child and the folder for its files."""
        self._child = child
        self._folder = folder
        self._numbers = itertools.count()

    async def shrink(self, photo: Photo) -> None:
        """Make one file."""
        await self._order(photo, [SMALL])

    async def five(self, photo: Photo) -> None:
        """Make five files from one decode."""
        await self._order(photo, FIVE)

    async def keep(self, photo: Photo) -> str:
        """Refuse: there is no memory."""
        raise NotImplementedError(photo.path.name)

    async def repeat(self, kept: str) -> None:
        """Refuse: there is no memory."""
        raise NotImplementedError(kept)

    def close(self) -> None:
        """Do nothing: the child ends with its system."""

    async def _order(self, photo: Photo, renditions: Sequence[Rendition]) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(self._line(photo, renditions))
        if await self._child.stdout.readline() != b"done\n":
            raise JobFailed(photo.path.name)

    def _line(self, photo: Photo, renditions: Sequence[Rendition]) -> bytes:
        prefix = self._folder / f"{self._child.pid}-{next(self._numbers)}"
        wanted = [
            {
                "target": f"{prefix}-{each.name}.{each.format}",
                "width": each.width,
                "height": each.height,
                "quality": each.quality,
            }
            for each in renditions
        ]
        return json.dumps({"source": str(photo.path), "wanted": wanted}).encode() + b"\n"


class RawService:
    """Two children."""

    def __init__(self, programs: Programs, folder: Path) -> None:
        """Take the running children."""
        self.roots = programs.roots
        self._children = programs.running
        self._folder = folder

    def lane(self, number: int) -> RawLane:
        """Talk to the child of this number."""
        return RawLane(self._children[number], self._folder)


class Raw:
    """Measure `peers/raw_libvips.py`."""

    name: ClassVar[str] = "raw libvips, file to file"
    most_lanes: ClassVar[int | None] = _PROCESSES
    has_memory: ClassVar[bool] = False

    def versions(self, tools: Path) -> str:
        """Name pyvips and its libvips."""
        del tools
        return f"pyvips {version('pyvips')}, libvips {version('pyvips-binary')}"

    @asynccontextmanager
    async def start(self, place: Place) -> AsyncIterator[RawService]:
        """Start the children; their first order waits until they have imported libvips."""
        environment = {"VIPS_CONCURRENCY": "1", "MALLOC_ARENA_MAX": "2"}
        argv: list[str | Path] = [sys.executable, PEERS / "raw_libvips.py"]
        children = [
            Program(f"raw{number}", argv, environment, piped=True) for number in range(_PROCESSES)
        ]
        async with Programs(children, place.folder) as programs:
            yield RawService(programs, place.folder)
