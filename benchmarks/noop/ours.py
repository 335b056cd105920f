"""Imagemill as three rows: its jobs over HTTP, from the 202 that is on disk to the last result.

Everything that `imagemill serve` starts is there. Each job asks for a width of its own, so each
has a result of its own, and says `fresh`, so nothing is looked up.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from PIL import Image

from benchmarks.engines.servers import served
from benchmarks.measure import cpu_s, tree
from benchmarks.noop.contenders import Ground, NoBulk
from benchmarks.noop.imagemill import GO, HOLD, counted
from benchmarks.noop.peers import Argv
from benchmarks.processes import Program, Programs, answers
from benchmarks.systems.imagemill import UNLIMITED
from benchmarks.wire import HOST, Line, free_port

_ROOT: Final = Path(__file__).parents[2]
_COMMAND: Final = Path(sys.executable).with_name("imagemill")
_SERVICES: Final = ("users", "uploads", "jobs", "notifier")
_WORKERS: Final = 2
_HANDS: Final = 64
"""Jobs in hand in each worker loop, the most that the settings allow; taskiq has 100, BullMQ 50."""
_WIDEST_PX: Final = 9_000
_MOST_IN_BATCH: Final = 10_000


@dataclass(frozen=True, slots=True)
class Process:
    """One process of an installation, apart from the others or with all of them."""

    name: str
    names: Sequence[str]
    """Services that it serves."""
    loops: int = 0
    """Worker loops, where it serves the worker."""
    port: int = field(default_factory=free_port)


class RunningImagemill:
    """An Imagemill that answers on a port, and its clients."""

    def __init__(
        self, programs: Sequence[Programs], port: int, key: str, counts: Sequence[Path], lanes: int
    ) -> None:
        """Take the running programs; `counts` are the files in which the workers count."""
        self._programs = programs
        self._counts = counts
        self._lines = [Line(port) for _ in range(lanes)]
        self._key = {"X-API-Key": key}
        self._image = ""
        self._numbers = itertools.count()

    async def keep_image(self) -> None:
        """Upload the picture that all jobs are about."""
        headers = {**self._key, "Content-Type": "image/png"}
        reply = await self._lines[0].ask("POST", "/api/v1/images", headers, [_picture()])
        self._image = str(reply.expect(HTTPStatus.CREATED).json()["image_id"])

    async def submit(self, count: int) -> float:
        """Send a request for each job, the next when the last one's 202 is there, in each lane."""
        self.close()  # A line that had to wait may be past its server's patience.
        bodies = iter([json.dumps(each).encode() for each in self._jobs(count)])
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for line in self._lines:
                group.create_task(self._lane(line, bodies))
        return time.perf_counter() - began

    async def submit_in_bulk(self, count: int) -> float:
        """Send batches; raises `NoBulk` where this version has none."""
        self.close()
        jobs = [{k: v for k, v in job.items() if k != "fresh"} for job in self._jobs(count)]
        parts = [jobs[at : at + _MOST_IN_BATCH] for at in range(0, count, _MOST_IN_BATCH)]
        bodies = [json.dumps({"items": part, "fresh": True}).encode() for part in parts]
        began = time.perf_counter()
        for body in bodies:
            reply = await self._lines[0].ask("POST", "/api/v1/batches", self._headers, [body])
            if reply.status == HTTPStatus.NOT_FOUND:
                raise NoBulk("has no route /api/v1/batches in this version")
            reply.expect(HTTPStatus.ACCEPTED)
        return time.perf_counter() - began

    async def done(self) -> int:
        """Sum what the workers counted."""
        return sum(map(counted, self._counts))

    async def jobs_in(self, status: str) -> int:
        """Count the jobs that the service says are in a status, a hundred at most."""
        self.close()
        path = f"/api/v1/jobs?status={status}&limit=100"
        reply = await self._lines[0].ask("GET", path, self._key)
        return len(reply.expect(HTTPStatus.OK).json()["jobs"])

    async def metrics(self) -> str:
        """Give the page that Prometheus would read."""
        self.close()
        reply = await self._lines[0].ask("GET", "/metrics", self._key)
        return reply.expect(HTTPStatus.OK).body.decode()

    def hold(self) -> None:
        """Let the worker loops take nothing."""
        self._signal(HOLD)

    def go(self) -> None:
        """Let them take what waits."""
        self._signal(GO)

    def cpu_s(self) -> float:
        """Sum all processes of the installation."""
        return cpu_s(tree(self.roots))

    def client_cpu_s(self) -> float:
        """Give this process's own, for it is the client."""
        return time.process_time()

    @property
    def roots(self) -> list[int]:
        """Ids of the processes; the last ones have the worker loops."""
        return [process for each in self._programs for process in each.roots]

    def close(self) -> None:
        """Hang up."""
        for line in self._lines:
            line.close()

    @property
    def _headers(self) -> dict[str, str]:
        return {**self._key, "Content-Type": "application/json"}

    def _jobs(self, count: int) -> Iterator[dict[str, Any]]:
        for number in itertools.islice(self._numbers, count):
            height, width = divmod(number, _WIDEST_PX)
            step = {"op": "resize", "width": width + 1, "height": height + 1}
            yield {
                "input": {"image_id": self._image},
                "outputs": {"result": [step]},
                "fresh": True,
            }

    async def _lane(self, line: Line, bodies: Iterator[bytes]) -> None:
        for body in bodies:
            reply = await line.ask("POST", "/api/v1/jobs", self._headers, [body])
            reply.expect(HTTPStatus.ACCEPTED)

    def _signal(self, number: int) -> None:
        for process in self.roots[-len(self._counts) :]:
            os.kill(process, number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imagemill:
    """One way to run and ask Imagemill, as a row of the table."""

    name: str
    is_apart: bool = False
    """Whether the gateway, the other services and each worker are processes of their own."""
    lanes: int = 1
    """Clients at once, each of which submits one by one."""
    is_synced: bool = True
    engine: str = ""
    """Server that holds the rows and the queue, by its name in `benchmarks.engines.servers`."""

    def versions(self, tools: Path) -> str:
        """Name the version, and how it is run."""
        del tools
        processes = "gateway, services and two workers apart" if self.is_apart else "one process"
        return f"imagemill {version('imagemill')}, {processes}, clients: {self.lanes}"

    @asynccontextmanager
    async def start(self, ground: Ground) -> AsyncIterator[RunningImagemill]:
        """Serve from an empty data folder."""
        begun = _apart if self.is_apart else _together
        with self._served(ground.folder) as more:
            await asyncio.to_thread(_prepare, ground.folder, more)
            async with (
                begun(ground, more) as (programs, port),
                self._running(ground, programs, port) as running,
            ):
                yield running

    @asynccontextmanager
    async def _running(
        self, ground: Ground, programs: Sequence[Programs], port: int
    ) -> AsyncIterator[RunningImagemill]:
        key = (ground.folder / "data" / "admin-key").read_text().strip()
        counts = sorted(ground.folder / f"count{at}" for at in range(len(programs[-1].roots)))
        running = RunningImagemill(programs, port, key, counts, self.lanes)
        try:
            await running.keep_image()
            yield running
        finally:
            running.close()

    def _served(self, folder: Path) -> AbstractContextManager[dict[str, str]]:
        """Start the server that holds the rows, where it is no file."""
        return served(self.engine, folder) if self.engine else nullcontext({})


def _prepare(folder: Path, more: Mapping[str, str]) -> None:
    """Make the schemas, where they are not made at the start."""
    if more:
        argv: Argv = [_COMMAND, "migrate", "--data", folder / "data"]
        subprocess.run(argv, env={**os.environ, **more}, check=True, stdout=subprocess.DEVNULL)


@asynccontextmanager
async def _together(
    ground: Ground, more: Mapping[str, str]
) -> AsyncIterator[tuple[Sequence[Programs], int]]:
    server = Process("server", ("gateway", *_SERVICES, "worker"), loops=_WORKERS)
    async with _started(ground, [server], more) as programs:
        yield [programs], server.port


@asynccontextmanager
async def _apart(
    ground: Ground, more: Mapping[str, str]
) -> AsyncIterator[tuple[Sequence[Programs], int]]:
    services, gateway = Process("services", _SERVICES), Process("gateway", ("gateway",))
    workers = [Process(f"worker{at}", ("worker",), loops=1) for at in range(_WORKERS)]
    address = f"http://{HOST}:{services.port}"
    async with (
        _started(ground, [services], more, path="/health/live") as first,
        _started(ground, [gateway], more, address) as second,
        _started(ground, workers, more, address, path="/health/live") as third,
    ):
        yield [first, second, third], gateway.port


@asynccontextmanager
async def _started(
    ground: Ground,
    processes: Sequence[Process],
    more: Mapping[str, str],
    address: str = "",
    path: str = "/health/ready",
) -> AsyncIterator[Programs]:
    programs = [_program(ground, at, each, address, more) for at, each in enumerate(processes)]
    async with Programs(programs, ground.folder) as running:
        for each in processes:
            await running.ready(partial(answers, each.port, path))
        yield running


def _program(
    ground: Ground, at: int, process: Process, address: str, more: Mapping[str, str]
) -> Program:
    environment = {
        "PYTHONPATH": str(_ROOT),
        **UNLIMITED,
        **more,
        "IMAGEMILL_SANDBOX_CHILDREN": "1",
        "IMAGEMILL_WORKER_PREFETCH": str(_HANDS - 1),
        **{f"IMAGEMILL_PEERS_{each.upper()}": address for each in _SERVICES if address},
    }
    module = ["-m", "benchmarks.noop.imagemill", str(process.loops)]
    where: Argv = [ground.folder / f"count{at}", str(process.port), ground.folder / "data"]
    argv: Argv = [sys.executable, *module, *where, *process.names]
    return Program(process.name, argv, environment)


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "orange").save(file, "PNG")
    return file.getvalue()


EMBEDDED: Final = Imagemill(name="Imagemill")
ON_POSTGRES: Final = Imagemill(name="Imagemill, PostgreSQL", engine="postgres")
EMBEDDED_EIGHT: Final = Imagemill(name="Imagemill, eight clients", lanes=8)
APART: Final = Imagemill(name="Imagemill, workers apart", is_apart=True)
