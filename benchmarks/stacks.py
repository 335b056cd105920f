"""Where a server's milliseconds go: CPU of processes and threads, and of each place in the code.

The server is sampled from outside by py-spy, which needs the right to trace processes.
"""

from __future__ import annotations

import collections
import signal
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.measure import cpu_s, own_cpu_s, tree
from benchmarks.processes import Program, Programs
from benchmarks.tools import PROFILER, python_of

_RATE_HZ = 50
"""The profiler stops the server for each sample: at 200 Hz it halves the rate of jobs."""
_SHOWN = 25
_OURS = "imagemill/"
_WAITS = ("_worker (concurrent/futures", "_Thread._next_batch (")
"""Leaves of threads that have nothing to do; the profiler takes them for busy."""
_Key = TypeVar("_Key", int, str)


@dataclass(slots=True)
class Profile:
    """CPU seconds of each process over a stretch of work; empty until the stretch is over."""

    by_process: Mapping[str, float] = field(default_factory=dict)
    by_thread: Mapping[int, float] = field(default_factory=dict)
    """The same of each thread of the first process, by its id."""
    stacks: Mapping[str, int] = field(default_factory=dict)
    """Samples of the first process by stack: the thread, then frames from the outermost, joined
    by `;`."""


@asynccontextmanager
async def profiled(tools: Path, folder: Path, roots: Sequence[int]) -> AsyncIterator[Profile]:
    """Sample the first of some processes, and take the CPU time of all, while the block runs."""
    profile, found = Profile(), folder / "stacks"
    async with Programs([_profiler(tools, roots[0], found)], folder) as profiler:
        processes, threads = _by_process(roots), _by_thread(roots[0])
        yield profile
        profile.by_process = _difference(processes, _by_process(roots))
        profile.by_thread = _difference(threads, _by_thread(roots[0]))
        profiler.running[0].send_signal(signal.SIGINT)
        await profiler.running[0].wait()
    profile.stacks = _stacks(found)


def by_process(profile: Profile, count: int) -> list[str]:
    """List CPU milliseconds for each of `count` jobs, of every process."""
    return ranked("CPU ms per job by process", _per_job(profile.by_process, count).items())


def by_place(profile: Profile, count: int) -> list[str]:
    """List them of the server by thread, by our innermost function, and by the innermost of all."""
    shared = list(_shared(profile.stacks, _per_job(profile.by_thread, count)))
    return [
        *ranked("Server's CPU ms per job by thread", ((_thread(f), ms) for f, ms in shared)),
        *ranked("by our innermost function", ((_innermost(f), ms) for f, ms in shared)),
        *ranked("by leaf", ((frames[-1], ms) for frames, ms in shared)),
    ]


def ranked(title: str, figures: Iterable[tuple[str, float]]) -> list[str]:
    """Sum milliseconds by name and list the largest."""
    sums: collections.Counter[str] = collections.Counter()
    for name, milliseconds in figures:
        sums[name] += milliseconds  # type: ignore[assignment]  # Counter is typed for whole numbers
    most = sums.most_common(_SHOWN)
    return ["", title, *(f"{milliseconds:8.2f}  {name}" for name, milliseconds in most)]


def _profiler(tools: Path, process: int, target: Path) -> Program:
    command = python_of(tools, PROFILER).with_name("py-spy")
    options = f"record --threads --pid {process} --rate {_RATE_HZ} --format raw --output {target}"
    return Program("profiler", [command, *options.split()])


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


def _per_job(seconds: Mapping[_Key, float], count: int) -> dict[_Key, float]:
    return {key: used / count * 1000 for key, used in seconds.items()}


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
