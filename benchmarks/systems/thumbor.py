"""thumbor: an image server that answers while the client waits.

Two servers with Pillow on one file storage for originals and results, the clients dealt out to
them in turn: with `--processes 2` the kernel gives most kept connections to one of the two. An
upload is kept, so five renditions cost one upload and five requests, and a repeated request is
answered from the stored result: both are counted in its favour.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar

from benchmarks.pictures import Photo
from benchmarks.processes import Program, Programs, answers
from benchmarks.systems import FIVE, SMALL, Place, Rendition, Unwatched
from benchmarks.tools import THUMBOR, installed, python_of
from benchmarks.wire import HOST, Line, free_port

_SERVERS = 2
_SETTINGS = """
UPLOAD_ENABLED = True
UPLOAD_PHOTO_STORAGE = "thumbor.storages.file_storage"
STORAGE = "thumbor.storages.file_storage"
FILE_STORAGE_ROOT_PATH = {originals!r}
RESULT_STORAGE = "thumbor.result_storages.file_storage"
RESULT_STORAGE_FILE_STORAGE_ROOT_PATH = {results!r}
RESULT_STORAGE_STORES_UNSAFE = True
ALLOW_UNSAFE_URL = True
RESPECT_ORIENTATION = True
PROGRESSIVE_JPEG = False
QUALITY = 80
WEBP_QUALITY = 80
"""


class ThumborLane(Unwatched):
    """Upload, then fetch; the answer to a fetch is the result."""

    def __init__(self, line: Line) -> None:
        """Take the connection over."""
        self._line = line

    async def shrink(self, photo: Photo) -> None:
        """Upload and fetch once."""
        await self._fetch(await self._upload(photo), SMALL)

    async def five(self, photo: Photo) -> None:
        """Upload once and fetch five sizes."""
        image = await self._upload(photo)
        for rendition in FIVE:
            await self._fetch(image, rendition)

    async def keep(self, photo: Photo) -> str:
        """Upload, and fetch once so that the result is stored."""
        image = await self._upload(photo)
        await self._fetch(image, SMALL)
        return image

    async def repeat(self, kept: str) -> None:
        """Fetch the stored result."""
        await self._fetch(kept, SMALL)

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    async def _upload(self, photo: Photo) -> str:
        headers = {"Content-Type": "image/jpeg", "Slug": "photo.jpg"}
        reply = await self._line.ask("POST", "/image", headers, photo.unseen())
        return reply.expect(201).headers["location"].split("/")[2]

    async def _fetch(self, image: str, rendition: Rendition) -> None:
        size = f"{rendition.width}x{rendition.height or 0}"
        filters = f"filters:quality({rendition.quality}):format({rendition.format})"
        (await self._line.ask("GET", f"/unsafe/{size}/{filters}/{image}")).expect(200)


class ThumborService:
    """Two thumbors that share their storage."""

    def __init__(self, roots: Sequence[int], ports: Sequence[int]) -> None:
        """Name the processes and their ports."""
        self.roots = roots
        self._ports = ports

    def lane(self, number: int) -> ThumborLane:
        """Connect one more client, to the next server."""
        return ThumborLane(Line(self._ports[number % len(self._ports)]))


class Thumbor:
    """Measure thumbor as it comes from PyPI."""

    name: ClassVar[str] = "thumbor"
    most_lanes: ClassVar[int | None] = None
    has_memory: ClassVar[bool] = True

    def versions(self, tools: Path) -> str:
        """Name thumbor, tornado and Pillow."""
        return installed(tools, THUMBOR)

    @asynccontextmanager
    async def start(self, place: Place) -> AsyncIterator[ThumborService]:
        """Start two servers, each on a port of its own."""
        ports = [free_port() for _ in range(_SERVERS)]
        async with Programs([_program(place, port) for port in ports], place.folder) as programs:
            for port in ports:
                await programs.ready(partial(answers, port, "/healthcheck"))
            yield ThumborService(programs.roots, ports)


def _program(place: Place, port: int) -> Program:
    settings = place.folder / "thumbor.conf"
    originals, results = (str(place.folder / name) for name in ("originals", "results"))
    settings.write_text(_SETTINGS.format(originals=originals, results=results))
    arguments = f"-m thumbor.server --log-level error --ip {HOST} --port {port} --conf"
    argv: list[str | Path] = [python_of(place.tools, THUMBOR), *arguments.split(), settings]
    return Program(f"server{port}", argv)
