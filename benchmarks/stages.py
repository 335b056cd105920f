"""Where Imagemill's milliseconds go: CPU of each process, and of each place in the server's code.

Run by `python -m benchmarks.stages`. Needs the right to trace processes.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.load import Timing, Workload, drive, workloads
from benchmarks.machine import described
from benchmarks.measure import cpu_s, tree
from benchmarks.pictures import Album, album
from benchmarks.processes import Program, Programs
from benchmarks.rounds import kept
from benchmarks.systems import Place, Running
from benchmarks.systems.imagemill import Imagemill
from benchmarks.tools import PROFILER, install, python_of

_RATE_HZ = 200
_SHOWN = 40
_OURS = "imagemill/"
_SERVER = " server"


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds of each process over one workload."""

    timing: Timing
    by_process: Mapping[str, float]
    stacks: Mapping[str, int]
    """Samples of the first process, by stack, outermost frame first, joined by `;`."""


def main(argv: Sequence[str]) -> int:
    """Measure one workload under the profiler and print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    pictures = os.environ.get("IMAGEMILL_BENCH_PICTURES")
    parser.add_argument("--pictures", type=Path, default=pictures, help="folder of .jpg files")
    parser.add_argument("--tools", type=Path, default=Path(".tools/bench"))
    parser.add_argument("--workload", choices="abc", default="a")
    parser.add_argument("--share", type=float, default=1.0, help="share of the usual jobs")
    asked = parser.parse_args(argv)
    install(asked.tools)
    workload = next(each for each in workloads(asked.share) if each.letter == asked.workload)
    photos = album(asked.pictures, asked.tools / "pictures")
    spent = asyncio.run(_spent(asked.tools.resolve(), workload, photos))
    sys.stdout.write("\n".join(_report(workload, spent)) + "\n")
    return 0


async def _spent(tools: Path, workload: Workload, photos: Album) -> Spent:
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        place = Place(tools, Path(folder), poll_s=0.05)
        async with Imagemill().start(place) as running:
            return await _profiled(place, running, workload, photos)


async def _profiled(place: Place, running: Running, workload: Workload, photos: Album) -> Spent:
    lanes = [running.lane(number) for number in range(8)]
    known = await kept(lanes[0], photos) if workload.from_memory else []
    await drive(lanes, workload.jobs(photos, known, 2 * len(lanes)))
    found = place.folder / "stacks"
    async with Programs([_profiler(place, running.roots[0], found)], place.folder) as profiler:
        before = _by_process(running.roots)
        timing = await drive(lanes, workload.jobs(photos, known, workload.count))
        after = _by_process(running.roots)
        profiler.running[0].send_signal(signal.SIGINT)
        await profiler.running[0].wait()
    return Spent(timing, _difference(before, after), _stacks(found))


def _profiler(place: Place, process: int, target: Path) -> Program:
    command = python_of(place.tools, PROFILER).with_name("py-spy")
    options = f"record --pid {process} --rate {_RATE_HZ} --format raw --output {target}"
    return Program("profiler", [command, *options.split()])


def _report(workload: Workload, spent: Spent) -> list[str]:
    count = len(spent.timing.waits_s)
    lines = [
        described(datetime.now(UTC)),
        f"({workload.letter}) {workload.title}: {count / spent.timing.elapsed_s:.1f} jobs/s",
        "",
        "CPU ms per job by process",
        *(f"{used / count * 1000:8.2f}  {name}" for name, used in _sorted(spent.by_process)),
        f"{spent.timing.generator_cpu_s / count * 1000:8.2f}  (load generator)",
    ]
    server_s = sum(used for name, used in spent.by_process.items() if name.endswith(_SERVER))
    return [*lines, *_places(spent.stacks, server_s / count * 1000)]


def _places(stacks: Mapping[str, int], server_ms: float) -> list[str]:
    """Share the server's milliseconds out by samples, to our innermost line and to the leaf."""
    scale = server_ms / (sum(stacks.values()) or 1)
    inner: collections.Counter[str] = collections.Counter()
    leaves: collections.Counter[str] = collections.Counter()
    for stack, samples in stacks.items():
        frames = stack.split(";")
        leaves[frames[-1]] += samples
        inner[next((frame for frame in reversed(frames) if _OURS in frame), "elsewhere")] += samples
    return [
        *("", "Server's CPU ms per job by the innermost of our functions"),
        *(f"{samples * scale:8.2f}  {name}" for name, samples in inner.most_common(_SHOWN)),
        *("", "Server's CPU ms per job by leaf"),
        *(f"{samples * scale:8.2f}  {name}" for name, samples in leaves.most_common(_SHOWN)),
    ]


def _by_process(roots: Sequence[int]) -> dict[str, float]:
    server = roots[0]
    return {
        f"{_name(each)} {each}{_SERVER if each == server else ''}": cpu_s([each])
        for each in tree(roots)
    }


def _name(process: int) -> str:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "ended"
    return b" ".join(words[:3]).decode(errors="replace").rpartition("/")[2]


def _difference(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {name: used - before.get(name, 0.0) for name, used in after.items()}


def _sorted(figures: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(figures.items(), key=lambda pair: -pair[1])


def _stacks(found: Path) -> dict[str, int]:
    lines = found.read_text().splitlines()
    pairs = (line.rpartition(" ") for line in lines)
    return {stack: int(samples) for stack, _, samples in pairs}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
