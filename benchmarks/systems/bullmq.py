"""express, BullMQ and sharp: what a Node team writes.

One server process and one worker process with two jobs at once; sharp computes each job in one
libuv thread, so both cores work.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from benchmarks.processes import Program, Programs, answers
from benchmarks.systems import Place
from benchmarks.systems.queued import Peer, QueuedService, redis
from benchmarks.tools import PEERS, node, node_modules, node_versions, redis_version
from benchmarks.wire import free_port


class BullMQ(Peer):
    """Measure `peers/bullmq_server.cjs` and `peers/bullmq_worker.cjs`."""

    name: ClassVar[str] = "express + BullMQ + sharp"

    def versions(self, tools: Path) -> str:
        """Name node, express, bullmq, sharp and redis-server."""
        return f"{node_versions(tools)}, {redis_version()}"

    @asynccontextmanager
    async def start(self, place: Place) -> AsyncIterator[QueuedService]:
        """Start Redis, the worker and the server."""
        port, broker = free_port(), free_port()
        async with Programs(_programs(place, port, broker), place.folder) as programs:
            await programs.ready(lambda: answers(port, "/ready"))
            yield QueuedService(programs.roots, port, place.poll_s)


def _programs(place: Place, port: int, broker: int) -> list[Program]:
    environment = {
        "NODE_PATH": str(node_modules(place.tools)),
        "NODE_ENV": "production",
        "BENCH_PORT": str(port),
        "BENCH_REDIS_PORT": str(broker),
        "BENCH_FOLDER": str(place.folder),
    }
    return [
        Program("redis", redis(broker)),
        Program("worker", [node(), PEERS / "bullmq_worker.cjs"], environment),
        Program("server", [node(), PEERS / "bullmq_server.cjs"], environment),
    ]
