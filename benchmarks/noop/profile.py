"""Where Imagemill's time goes in a job that does nothing, while submitted and while drained."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.machine import described
from benchmarks.noop.contenders import Ground
from benchmarks.noop.ours import Imagemill, RunningImagemill
from benchmarks.noop.turn import drained, warm_up
from benchmarks.stacks import by_place, by_process, profiled


async def profile(imagemill: Imagemill, tools: Path, jobs: int) -> str:
    """Sample both halves of the jobs' lives; the profiler slows them, so no rate is told."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        ground = Ground(tools, Path(folder))
        async with imagemill.start(ground) as running:
            await warm_up(running, max(jobs // 10, 50))
            running.hold()
            submit = await _part(ground, running, jobs, lambda: running.submit(jobs))
            drain = await _part(ground, running, jobs, lambda: drained(running, jobs))
    title = f"{imagemill.name}: {jobs} jobs that do nothing, under the profiler"
    return "\n".join(
        [described(datetime.now(UTC)), title, "", "SUBMITTED", *submit, "", "DRAINED", *drain, ""]
    )


async def _part(
    ground: Ground, running: RunningImagemill, jobs: int, work: Callable[[], Awaitable[object]]
) -> list[str]:
    async with profiled(ground.tools, ground.folder, running.roots) as found:
        await work()
    return [*by_process(found, jobs), *by_place(found, jobs)]
