"""Imagemill as `imagemill serve` starts it: every service, synced commits, the sandbox on."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
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
    Lane,
    NotInstalled,
    Place,
    Rendition,
    Unwatched,
    looks,
)
from benchmarks.wire import HOST, Body, Line, Reply, free_port

_COMMAND = Path(sys.executable).with_name("imagemill")
UNLIMITED = {
    f"IMAGEMILL_GATEWAY_{each}": "0"
    for each in ("KEY_PER_MINUTE", "KEY_BURST", "MAX_CONNECTIONS_PER_ADDRESS")
}
"""One client stands for many here."""
_ENDED_BADLY = {"failed", "cancelled"}
_WAIT = {"Prefer": "wait=60"}
_JOBS = "/api/v1/jobs"


class WaitingLane(Unwatched):
    """Send the picture as the raw body of its job; the answer comes when the job has ended."""

    def __init__(self, line: Line, key: str, *, fast: bool = False) -> None:
        """Take the connection over and speak with this key; `fast` as `resize` knows it."""
        self._line = line
        self._fast = fast
        self._key = {"X-API-Key": key}

    async def shrink(self, photo: Photo) -> None:
        """Do one job that no cache can answer."""
        await self._work(photo, [SMALL])

    async def five(self, photo: Photo) -> None:
        """Do one job with five outputs."""
        await self._work(photo, FIVE)

    async def keep(self, photo: Photo) -> str:
        """Upload, do the job once, and name the image."""
        headers = {**self._key, "Content-Type": "image/jpeg"}
        reply = await self._line.ask("POST", "/api/v1/images", headers, photo.unseen())
        image = str(reply.expect(201).json()["image_id"])
        await self.repeat(image)
        return image

    async def repeat(self, kept: str) -> None:
        """Ask for the job by the image's id."""
        body = json.dumps({"input": {"image_id": kept}, "outputs": self._outputs([SMALL])}).encode()
        headers = {**self._key, "Content-Type": "application/json"}
        await self._ended(_JOBS, headers, [body])

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    async def _work(self, photo: Photo, renditions: Sequence[Rendition]) -> None:
        job = json.dumps(
            {"outputs": self._outputs(renditions), "fresh": True}, separators=(",", ":")
        )
        headers = {**self._key, "Content-Type": "image/jpeg"}
        await self._ended(f"{_JOBS}?job={quote(job)}", headers, photo.unseen())

    def _outputs(self, renditions: Sequence[Rendition]) -> dict[str, list[dict[str, Any]]]:
        return outputs(renditions, fast=self._fast)

    async def _ended(self, path: str, headers: Mapping[str, str], body: Body) -> None:
        """Submit a job and see it end."""
        reply = await self._line.ask("POST", path, {**headers, **_WAIT}, body)
        is_completed(reply.expect(200))


class PollingLane(WaitingLane):
    """The same, but take the 202 and look at the job as the peers' clients do."""

    def __init__(self, line: Line, key: str, poll_s: float) -> None:
        """Take the connection over, speak with this key, and leave this pause between looks."""
        super().__init__(line, key)
        self.looks = 0
        self._poll_s = poll_s
        self._last = ""

    async def look(self) -> None:
        """Ask once more how the last job stands."""
        await self._look()

    async def _ended(self, path: str, headers: Mapping[str, str], body: Body) -> None:
        submitted = (await self._line.ask("POST", path, headers, body)).expect(202)
        if is_completed(submitted):
            return
        self._last = submitted.json()["job_id"]
        async for _ in looks(self._poll_s):
            self.looks += 1
            if is_completed(await self._look()):
                return

    async def _look(self) -> Reply:
        return (await self._line.ask("GET", f"{_JOBS}/{self._last}", self._key)).expect(200)


class ImagemillService:
    """An Imagemill that answers on a port."""

    def __init__(self, roots: Sequence[int], connect: Callable[[], Lane]) -> None:
        """Name the processes, and how a client connects."""
        self.roots = roots
        self._connect = connect

    def lane(self, number: int) -> Lane:
        """Connect one more client; every client is alike."""
        del number
        return self._connect()


class Imagemill:
    """Measure the program of this repository, installed beside the running Python."""

    name: ClassVar[str] = "Imagemill"
    most_lanes: ClassVar[int | None] = None
    has_memory: ClassVar[bool] = True

    def versions(self, tools: Path) -> str:
        """Name the installed version, and how its clients hear of a job's end."""
        del tools
        if not _COMMAND.exists():
            raise NotInstalled("imagemill is not installed beside this Python; run `make install`.")
        return f"imagemill {version('imagemill')}, {self._heard()}"

    @asynccontextmanager
    async def start(self, place: Place) -> AsyncIterator[ImagemillService]:
        """Serve from an empty data folder."""
        port, data = free_port(), place.folder / "data"
        arguments = f"serve --host {HOST} --port {port} --data"
        program = Program("server", [_COMMAND, *arguments.split(), data], UNLIMITED)
        async with Programs([program], place.folder) as programs:
            await programs.ready(lambda: answers(port, "/health/ready"))
            key = (data / "admin-key").read_text().strip()
            yield ImagemillService(
                programs.roots, lambda: self._connected(Line(port), key, place.poll_s)
            )

    def _heard(self) -> str:
        return "answers when the job has ended (Prefer: wait=60)"

    def _connected(self, line: Line, key: str, poll_s: float) -> Lane:
        del poll_s
        return WaitingLane(line, key)


class ImagemillPolled(Imagemill):
    """Measure the same program with clients that poll it."""

    name: ClassVar[str] = "Imagemill, polled"

    def _heard(self) -> str:
        return "answers 202 and is polled"

    def _connected(self, line: Line, key: str, poll_s: float) -> Lane:
        return PollingLane(line, key, poll_s)


class ImagemillFast(Imagemill):
    """Measure the same program shrinking as far while it decodes as sharp does by default."""

    name: ClassVar[str] = "Imagemill, fast: true"

    def _heard(self) -> str:
        return "as the first row, with `fast` in each resize"

    def _connected(self, line: Line, key: str, poll_s: float) -> Lane:
        del poll_s
        return WaitingLane(line, key, fast=True)


def is_completed(reply: Reply) -> bool:
    """Tell whether an answer shows a completed job; raise `JobFailed` when it ended otherwise."""
    status = reply.json()["status"]
    if status in _ENDED_BADLY:
        raise JobFailed(reply.body.decode())
    return bool(status == "completed")


def outputs(
    renditions: Sequence[Rendition], *, fast: bool = False
) -> dict[str, list[dict[str, Any]]]:
    """Write renditions as the outputs of a job."""
    return {each.name: [_resize(each, fast=fast), _convert(each)] for each in renditions}


def _resize(rendition: Rendition, *, fast: bool) -> dict[str, Any]:
    step: dict[str, Any] = {"op": "resize", "width": rendition.width}
    if fast:
        step["fast"] = True
    return (
        step if rendition.height is None else {**step, "height": rendition.height, "fit": "cover"}
    )


def _convert(rendition: Rendition) -> dict[str, Any]:
    return {"op": "convert", "format": rendition.format, "quality": rendition.quality}
