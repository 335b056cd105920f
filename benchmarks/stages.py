"""Where Imagemill's milliseconds go: CPU of each process, and of each place in the server's code.

Run by `python -m benchmarks.stages`. Needs the right to trace processes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.load import Timing, Workload, drive, workloads
from benchmarks.machine import described
from benchmarks.pictures import Album, album
from benchmarks.results import RESULTS, keep
from benchmarks.rounds import kept
from benchmarks.stacks import Profile, by_place, by_process, profiled
from benchmarks.systems import Place, Running
from benchmarks.systems.imagemill import Imagemill
from benchmarks.tools import install


def main(argv: Sequence[str]) -> int:
    """Measure one workload under the profiler and print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    pictures = os.environ.get("IMAGEMILL_BENCH_PICTURES")
    parser.add_argument("--pictures", type=Path, default=pictures, help="folder of .jpg files")
    parser.add_argument("--tools", type=Path, default=Path(".tools/bench"))
    parser.add_argument("--workload", choices="abc", default="a")
    parser.add_argument("--share", type=float, default=1.0, help="share of the usual jobs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the answer is kept")
    parser.add_argument("--no-save", action="store_true", help="print it only")
    asked = parser.parse_args(argv)
    install(asked.tools)
    workload = next(each for each in workloads(asked.share) if each.letter == asked.workload)
    photos = album(asked.pictures, asked.tools / "pictures")
    timing, profile = asyncio.run(_spent(asked.tools.resolve(), workload, photos))
    report = "\n".join(_report(workload, timing, profile)) + "\n"
    sys.stdout.write(report)
    if not asked.no_save:
        keep(report, asked.results, f"-stages-{workload.letter}")
    return 0


async def _spent(tools: Path, workload: Workload, photos: Album) -> tuple[Timing, Profile]:
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        place = Place(tools, Path(folder), poll_s=0.05)
        async with Imagemill().start(place) as running:
            return await _profiled(place, running, workload, photos)


async def _profiled(
    place: Place, running: Running, workload: Workload, photos: Album
) -> tuple[Timing, Profile]:
    lanes = [running.lane(number) for number in range(8)]
    known = await kept(lanes[0], photos) if workload.from_memory else []
    await drive(lanes, workload.jobs(photos, known, 2 * len(lanes)))
    async with profiled(place.tools, place.folder, running.roots) as profile:
        timing = await drive(lanes, workload.jobs(photos, known, workload.count))
    return timing, profile


def _report(workload: Workload, timing: Timing, profile: Profile) -> list[str]:
    count = len(timing.waits_s)
    return [
        described(datetime.now(UTC)),
        f"({workload.letter}) {workload.title}: {count / timing.elapsed_s:.1f} jobs/s",
        *by_process(profile, count),
        f"{timing.generator_cpu_s / count * 1000:8.2f}  (load generator)",
        *by_place(profile, count),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
