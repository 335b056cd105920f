"""FastAPI, Celery and Pillow in draft mode: what a Python team writes first.

One uvicorn process, one Celery worker with two prefork children, prefetch of one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from benchmarks.processes import Program, Programs, answers
from benchmarks.systems import Place
from benchmarks.systems.queued import Peer, QueuedService, redis
from benchmarks.tools import CELERY, PEERS, installed, python_of, redis_version
from benchmarks.wire import HOST, free_port


class Celery(Peer):
    """Measure `peers/celery_pillow.py`."""

    name: ClassVar[str] = "FastAPI + Celery + Pillow (draft)"

    def versions(self, tools: Path) -> str:
        """Name fastapi, celery, Pillow, the redis client and redis-server."""
        return f"{installed(tools, CELERY)}, {redis_version()}"

    @asynccontextmanager
    async def start(self, place: Place) -> AsyncIterator[QueuedService]:
        """Start Redis, the worker and the server."""
        port, broker = free_port(), free_port()
        async with Programs(_programs(place, port, broker), place.folder) as programs:
            await programs.ready(lambda: answers(port, "/ready"))
            yield QueuedService(programs.roots, port, place.poll_s)


def _programs(place: Place, port: int, broker: int) -> list[Program]:
    python = python_of(place.tools, CELERY)
    environment = {
        "PYTHONPATH": str(PEERS),
        "BENCH_REDIS": f"redis://{HOST}:{broker}/0",
        "BENCH_FOLDER": str(place.folder),
    }
    worker = (
        "celery -A celery_pillow:tasks worker --concurrency 2 --prefetch-multiplier 1"
        " --loglevel WARNING --without-gossip --without-mingle --without-heartbeat"
    )
    server = f"uvicorn celery_pillow:web --host {HOST} --port {port} --no-access-log"
    return [
        Program("redis", redis(broker)),
        Program("worker", [python, "-m", *worker.split()], environment),
        Program("server", [python, "-m", *server.split()], environment),
    ]
