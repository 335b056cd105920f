"""Watch the number that scaling reads go up and down: 0, a backlog of jobs, 0 again.

The jobs do nothing, for what is looked at is the number: `tasks_queued_total{topic="jobs"}` as
`/metrics` of the gateway's process tells it, beside what the jobs service says that it has.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.machine import described
from benchmarks.noop.contenders import Ground
from benchmarks.noop.ours import EMBEDDED, RunningImagemill
from benchmarks.results import RESULTS, keep

_NUMBER: Final = re.compile(r'^tasks_queued_total\{topic="jobs"\} (\S+)$', re.MULTILINE)
_EVERY_S: Final = 1.0
_UP_WITHIN_S: Final = 30.0
_DOWN_WITHIN_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One scrape."""

    at_s: float
    """Seconds since the first job was sent."""
    waiting: int
    took_ms: float
    """Time of the scrape."""
    done: int
    """Jobs that the workers had done by then."""


def main(argv: Sequence[str]) -> int:
    """Measure and print the numbers that were seen."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines.backlog")
    parser.add_argument("--jobs", type=int, default=10_000)
    asked = parser.parse_args(argv)
    about = described(datetime.now(UTC))
    samples = asyncio.run(_measured(asked.jobs))
    head = "| s | jobs that wait | scrape, ms | jobs done |\n|--:|--:|--:|--:|"
    rows = [
        f"| {each.at_s:.1f} | {each.waiting} | {each.took_ms:.1f} | {each.done} |"
        for each in samples
    ]
    report = "\n".join([about, "", head, *rows]) + "\n"
    sys.stdout.write(report)
    keep(report, RESULTS, "-backlog")
    return 0


async def _measured(jobs: int) -> list[Sample]:
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        async with EMBEDDED.start(Ground(Path(), Path(folder))) as running:
            running.hold()
            began, samples = time.perf_counter(), [await _sample(running, time.perf_counter())]
            await running.submit_in_bulk(jobs)
            await _until(running, samples, began, jobs, _UP_WITHIN_S)
            running.go()
            await _until(running, samples, began, 0, _DOWN_WITHIN_S)
    return samples


async def _until(
    running: RunningImagemill, samples: list[Sample], began: float, wanted: int, within_s: float
) -> None:
    """Scrape until the number is reached; raises `TimeoutError` when it is not."""
    async with asyncio.timeout(within_s):
        while samples[-1].waiting != wanted:
            await asyncio.sleep(_EVERY_S)
            samples.append(await _sample(running, began))


async def _sample(running: RunningImagemill, began: float) -> Sample:
    asked = time.perf_counter()
    page = await running.metrics()
    found = _NUMBER.search(page)
    return Sample(
        at_s=asked - began,
        waiting=int(float(found[1])) if found else -1,
        took_ms=1000 * (time.perf_counter() - asked),
        done=await running.done(),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
