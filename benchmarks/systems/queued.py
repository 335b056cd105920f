"""The client of the three peers whose small services speak the same two routes (see `peers/`).

`POST /jobs?width=…&format=…&quality=…` with the picture as raw body answers 202 and an id;
`GET /jobs/{id}` answers its status. They keep no originals: five renditions are five uploads.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlencode

from benchmarks.pictures import Photo
from benchmarks.systems import FIVE, SMALL, JobFailed, Rendition, looks
from benchmarks.tools import redis_server
from benchmarks.wire import HOST, Line


class QueuedLane:
    """Submit, then poll until completed."""

    def __init__(self, line: Line, poll_s: float) -> None:
        """Take the connection over."""
        self.looks = 0
        self._line = line
        self._poll_s = poll_s
        self._last = ""

    async def shrink(self, photo: Photo) -> None:
        """Do one job."""
        await self._done([await self._submit(photo, SMALL)])

    async def five(self, photo: Photo) -> None:
        """Submit five jobs at once, then wait for the last."""
        await self._done([await self._submit(photo, rendition) for rendition in FIVE])

    async def keep(self, photo: Photo) -> str:
        """Refuse: there is no memory."""
        raise NotImplementedError(photo.path.name)

    async def repeat(self, kept: str) -> None:
        """Refuse: there is no memory."""
        raise NotImplementedError(kept)

    async def look(self) -> None:
        """Ask once more how the last job stands."""
        (await self._line.ask("GET", f"/jobs/{self._last}")).expect(200)

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    async def _submit(self, photo: Photo, rendition: Rendition) -> str:
        wanted = {
            "width": rendition.width,
            "height": rendition.height or 0,
            "format": rendition.format,
            "quality": rendition.quality,
        }
        reply = await self._line.ask(
            "POST",
            f"/jobs?{urlencode(wanted)}",
            {"Content-Type": "image/jpeg"},
            photo.unseen(),
        )
        return str(reply.expect(202).json()["id"])

    async def _done(self, jobs: list[str]) -> None:
        """Look at the first job that is not known to be done; go on at once when it is."""
        self._last = jobs[-1]
        async for _ in looks(self._poll_s):
            while jobs and await self._is_done(jobs[0]):
                del jobs[0]
            if not jobs:
                return

    async def _is_done(self, job: str) -> bool:
        self.looks += 1
        reply = await self._line.ask("GET", f"/jobs/{job}")
        status = reply.expect(200).json()["status"]
        if status == "failed":
            raise JobFailed(reply.body.decode())
        return bool(status == "completed")


class QueuedService:
    """A peer that answers on a port."""

    def __init__(self, roots: Sequence[int], port: int, poll_s: float) -> None:
        """Name the processes and the port."""
        self.roots = roots
        self._port = port
        self._poll_s = poll_s

    def lane(self, number: int) -> QueuedLane:
        """Connect one more client; every client is alike."""
        del number
        return QueuedLane(Line(self._port), self._poll_s)


def redis(port: int) -> list[str | Path]:
    """Give the command line of a Redis of one's own that never writes to disk.

    That favours the peers: a job which their service accepted is lost when Redis is killed.
    """
    return [redis_server(), "--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no"]


class Peer:
    """What the three have in common as rows of the table."""

    most_lanes: ClassVar[int | None] = None
    has_memory: ClassVar[bool] = False
