"""Imagemill as `imagemill serve` starts it: every service, synced commits, the sandbox on."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from benchmarks.pictures import Photo
from benchmarks.processes import Program, Programs, answers
from benchmarks.systems import (
    FIVE,
    SMALL,
    JobFailed,
    NotInstalled,
    Place,
    Rendition,
    looks,
)
from benchmarks.wire import HOST, Line, Reply, free_port

_COMMAND = Path(sys.executable).with_name("imagemill")
_ENDED_BADLY = {"failed", "cancelled"}


class ImagemillLane:
    """Send the picture as the raw body of its job, then poll the job."""

    def __init__(self, line: Line, key: str, poll_s: float) -> None:
        """Take the connection over and speak with this key."""
        self._line = line
        self._key = key
        self._poll_s = poll_s

    async def shrink(self, photo: Photo) -> None:
        """Do one job that no cache can answer."""
        await self._work(photo, [SMALL])

    async def five(self, photo: Photo) -> None:
        """Do one job with five outputs."""
        await self._work(photo, FIVE)

    async def keep(self, photo: Photo) -> str:
        """Upload, do the job once, and name the image."""
        headers = {"X-API-Key": self._key, "Content-Type": "image/jpeg"}
        reply = await self._line.ask("POST", "/api/v1/images", headers, photo.unseen())
        image = str(reply.expect(201).json()["image_id"])
        await self.repeat(image)
        return image

    async def repeat(self, kept: str) -> None:
        """Ask for the job by the image's id; it may be completed when it is answered."""
        body = json.dumps({"input": {"image_id": kept}, "outputs": outputs([SMALL])}).encode()
        headers = {"X-API-Key": self._key, "Content-Type": "application/json"}
        await self._done(await self._line.ask("POST", "/api/v1/jobs", headers, [body]))

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    async def _work(self, photo: Photo, renditions: Sequence[Rendition]) -> None:
        job = quote(json.dumps({"outputs": outputs(renditions), "fresh": True}))
        headers = {"X-API-Key": self._key, "Content-Type": "image/jpeg"}
        path = f"/api/v1/jobs?job={job}"
        await self._done(await self._line.ask("POST", path, headers, photo.unseen()))

    async def _done(self, submitted: Reply) -> None:
        job = submitted.expect(202).json()
        if job["status"] == "completed":
            return
        async for _ in looks(self._poll_s):
            reply = await self._line.ask(
                "GET", f"/api/v1/jobs/{job['job_id']}", {"X-API-Key": self._key}
            )
            status = reply.expect(200).json()["status"]
            if status in _ENDED_BADLY:
                raise JobFailed(reply.body.decode())
            if status == "completed":
                return


class ImagemillService:
    """An Imagemill that answers on a port."""

    def __init__(self, roots: Sequence[int], port: int, key: str, poll_s: float) -> None:
        """Name the processes, the port and the key that the server made."""
        self.roots = roots
        self._port = port
        self._key = key
        self._poll_s = poll_s

    def lane(self, number: int) -> ImagemillLane:
        """Connect one more client; every client is alike."""
        del number
        return ImagemillLane(Line(self._port), self._key, self._poll_s)


class Imagemill:
    """Measure the program of this repository, installed beside the running Python."""

    name: ClassVar[str] = "Imagemill"
    most_lanes: ClassVar[int | None] = None
    has_memory: ClassVar[bool] = True

    def versions(self, tools: Path) -> str:
        """Name the installed version."""
        del tools
        if not _COMMAND.exists():
            raise NotInstalled("imagemill is not installed beside this Python; run `make install`.")
        return f"imagemill {version('imagemill')}"

    @asynccontextmanager
    async def start(self, place: Place) -> AsyncIterator[ImagemillService]:
        """Serve from an empty data folder."""
        port, data = free_port(), place.folder / "data"
        arguments = f"serve --host {HOST} --port {port} --data"
        program = Program("server", [_COMMAND, *arguments.split(), data])
        async with Programs([program], place.folder) as programs:
            await programs.ready(lambda: answers(port, "/health/ready"))
            key = (data / "admin-key").read_text().strip()
            yield ImagemillService(programs.roots, port, key, place.poll_s)


def outputs(renditions: Sequence[Rendition]) -> dict[str, list[dict[str, Any]]]:
    """Write renditions as the outputs of a job."""
    return {each.name: [_resize(each), _convert(each)] for each in renditions}


def _resize(rendition: Rendition) -> dict[str, Any]:
    step = {"op": "resize", "width": rendition.width}
    return (
        step if rendition.height is None else {**step, "height": rendition.height, "fit": "cover"}
    )


def _convert(rendition: Rendition) -> dict[str, Any]:
    return {"op": "convert", "format": rendition.format, "quality": rendition.quality}
