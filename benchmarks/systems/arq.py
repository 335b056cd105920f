"""FastAPI, arq and pyvips: the asyncio queue with the fast library.

One uvicorn process and two arq workers with one job each, because arq has no processes of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from benchmarks.processes import Program, Programs, answers
from benchmarks.systems import Place
from benchmarks.systems.queued import Peer, QueuedService, redis
from benchmarks.tools import ARQ, PEERS, installed, python_of, redis_version
from benchmarks.wire import HOST, free_port


class Arq(Peer):
    """Measure `peers/arq_pyvips.py`."""

    name: ClassVar[str] = "FastAPI + arq + pyvips"

    def versions(self, tools: Path) -> str:
        """Name fastapi, arq, pyvips and redis-server."""
        return f"{installed(tools, ARQ)}, {redis_version()}"

    @asynccontextmanager
    async def start(self, place: Place) -> AsyncIterator[QueuedService]:
        """Start Redis, two workers and the server."""
        port, broker = free_port(), free_port()
        async with Programs(_programs(place, port, broker), place.folder) as programs:
            await programs.ready(lambda: answers(port, "/ready"))
            yield QueuedService(programs.roots, port, place.poll_s)


def _programs(place: Place, port: int, broker: int) -> list[Program]:
    python = python_of(place.tools, ARQ)
    environment = {
        "PYTHONPATH": str(PEERS),
        "BENCH_REDIS": f"redis://{HOST}:{broker}/0",
        "BENCH_FOLDER": str(place.folder),
        "VIPS_CONCURRENCY": "1",
        "MALLOC_ARENA_MAX": "2",
    }
    worker: list[str | Path] = [python, "-m", "arq", "arq_pyvips.Worker"]
    server = f"uvicorn arq_pyvips:web --host {HOST} --port {port} --no-access-log"
    return [
        Program("redis", redis(broker)),
        Program("worker1", worker, environment),
        Program("worker2", worker, environment),
        Program("server", [python, "-m", *server.split()], environment),
    ]
