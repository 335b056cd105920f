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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from benchmarks.load import Timing, Workload, drive, workloads
from benchmarks.machine import described
from benchmarks.measure import cpu_s, own_cpu_s, tree
from benchmarks.pictures import Album, album
from benchmarks.processes import Program, Programs
from benchmarks.results import RESULTS, keep
from benchmarks.rounds import kept
from benchmarks.systems import Place, Running
from benchmarks.systems.imagemill import Imagemill
from benchmarks.tools import PROFILER, install, python_of

_RATE_HZ = 50
"""The profiler stops the server for each sample: at 200 Hz it halves the rate of jobs."""
_SHOWN = 25
_OURS = "imagemill/"
_WAITS = ("_worker (concurrent/futures", "_Thread._next_batch (")
"""Leaves of threads that have nothing to do; the profiler takes them for busy."""
_Key = TypeVar("_Key", int, str)


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds of each process over one workload."""

    timing: Timing
    by_process: Mapping[str, float]
    by_thread: Mapping[int, float]
    """The same of each thread of the server, by its id."""
    stacks: Mapping[str, int]
    """Samples of the server by stack: the thread, then frames from the outermost, joined by `;`."""


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
    spent = asyncio.run(_spent(asked.tools.resolve(), workload, photos))
    report = "\n".join(_report(workload, spent)) + "\n"
    sys.stdout.write(report)
    if not asked.no_save:
        keep(report, asked.results, f"-stages-{workload.letter}")
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
        processes, threads = _by_process(running.roots), _by_thread(running.roots[0])
        timing = await drive(lanes, workload.jobs(photos, known, workload.count))
        by_process = _difference(processes, _by_process(running.roots))
        by_thread = _difference(threads, _by_thread(running.roots[0]))
        profiler.running[0].send_signal(signal.SIGINT)
        await profiler.running[0].wait()
    return Spent(timing, by_process, by_thread, _stacks(found))


def _profiler(place: Place, process: int, target: Path) -> Program:
    command = python_of(place.tools, PROFILER).with_name("py-spy")
    options = f"record --threads --pid {process} --rate {_RATE_HZ} --format raw --output {target}"
    return Program("profiler", [command, *options.split()])


def _report(workload: Workload, spent: Spent) -> list[str]:
    count = len(spent.timing.waits_s)
    by_process = {name: used / count * 1000 for name, used in spent.by_process.items()}
    by_thread = {thread: used / count * 1000 for thread, used in spent.by_thread.items()}
    shared = list(_shared(spent.stacks, by_thread))
    return [
        described(datetime.now(UTC)),
        f"({workload.letter}) {workload.title}: {count / spent.timing.elapsed_s:.1f} jobs/s",
        *_ranked("CPU ms per job by process", by_process.items()),
        f"{spent.timing.generator_cpu_s / count * 1000:8.2f}  (load generator)",
        *_ranked("Server's CPU ms per job by thread", ((_thread(f), ms) for f, ms in shared)),
        *_ranked("by our innermost function", ((_innermost(f), ms) for f, ms in shared)),
        *_ranked("by leaf", ((frames[-1], ms) for frames, ms in shared)),
    ]


def _shared(
    stacks: Mapping[str, int], by_thread: Mapping[int, float]
) -> Iterator[tuple[Sequence[str], float]]:
    """Share each thread's milliseconds out to its stacks that do not wait, by their samples."""
    by_frames = [(stack.split(";"), samples) for stack, samples in stacks.items()]
    busy = [(frames, samples) for frames, samples in by_frames if not _waits(frames[-1])]
    totals: collections.Counter[int] = collections.Counter()
    for frames, samples in busy:
        totals[_thread_id(frames)] += samples
    for frames, samples in busy:
        thread = _thread_id(frames)
        yield frames, by_thread.get(thread, 0.0) * samples / totals[thread]


def _ranked(title: str, figures: Iterable[tuple[str, float]]) -> list[str]:
    sums: collections.Counter[str] = collections.Counter()
    for name, milliseconds in figures:
        sums[name] += milliseconds  # type: ignore[assignment]  # Counter is typed for whole numbers
    ranked = sums.most_common(_SHOWN)
    return ["", title, *(f"{milliseconds:8.2f}  {name}" for name, milliseconds in ranked)]


def _waits(leaf: str) -> bool:
    return leaf.startswith(_WAITS)


def _thread(frames: Sequence[str]) -> str:
    return frames[0].partition(": ")[2]


def _thread_id(frames: Sequence[str]) -> int:
    return int(frames[0].partition("(")[2].partition(")")[0])


def _innermost(frames: Sequence[str]) -> str:
    return next((frame for frame in reversed(frames) if _OURS in frame), "elsewhere")


def _by_thread(process: int) -> dict[int, float]:
    tasks = Path(f"/proc/{process}/task").iterdir()
    return {int(task.name): own_cpu_s(task) for task in tasks}


def _by_process(roots: Sequence[int]) -> dict[str, float]:
    return {f"{_name(each)} {each}": cpu_s([each]) for each in tree(roots)}


def _name(process: int) -> str:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "ended"
    return b" ".join(words[:3]).decode(errors="replace").rpartition("/")[2]


def _difference(before: Mapping[_Key, float], after: Mapping[_Key, float]) -> dict[_Key, float]:
    return {key: used - before.get(key, 0.0) for key, used in after.items()}


def _stacks(found: Path) -> dict[str, int]:
    lines = found.read_text().splitlines()
    pairs = (line.rpartition(" ") for line in lines)
    return {stack: int(samples) for stack, _, samples in pairs}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
