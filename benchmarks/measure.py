"""What a tree of processes costs, read from /proc: CPU time and proportional memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

_PROC = Path("/proc")
_SAMPLE_EVERY_S = 0.2


class Meter:
    """Measure the CPU time of a tree of processes from `__enter__` to `__exit__`."""

    def __init__(self, roots: Iterable[int]) -> None:
        """Name the processes that the tree hangs from."""
        self._roots = tuple(roots)
        self._before_s = 0.0
        self.cpu_s = 0.0
        """User and system seconds, of processes that ended too; 0 until the measurement is over."""

    def __enter__(self) -> Self:
        """Note the CPU time so far."""
        self._before_s = cpu_s(tree(self._roots))
        return self

    def __exit__(self, *_: object) -> None:
        """Take the difference."""
        self.cpu_s = cpu_s(tree(self._roots)) - self._before_s


class Peak:
    """Watch the memory of a tree of processes from `__enter__` to `__exit__`.

    Never while something else is measured: a sample of ten processes costs up to 14 ms and holds
    their page faults up meanwhile: 2.4 ms of each job's time (2026-11, four samples a second).
    """

    def __init__(self, roots: Iterable[int]) -> None:
        """Name the processes that the tree hangs from."""
        self._roots = tuple(roots)
        self._ended = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self.bytes = 0
        """Highest sum of proportional set sizes (shared pages are counted once) of all samples."""

    def __enter__(self) -> Self:
        """Begin to take samples."""
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the last sample."""
        self._ended.set()
        self._sampler.join()

    def _sample(self) -> None:
        while True:
            self.bytes = max(self.bytes, memory_bytes(tree(self._roots)))
            if self._ended.wait(_SAMPLE_EVERY_S):
                return


def tree(roots: Iterable[int]) -> list[int]:
    """List the processes that live and descend from the roots, the roots included."""
    children = _children()
    found: list[int] = []
    waiting = list(roots)
    while waiting:
        found.append(waiting.pop())
        waiting.extend(children.get(found[-1], ()))
    return found


def cpu_s(processes: Iterable[int]) -> float:
    """Sum the CPU seconds of processes and of their children that ended (proc(5), stat)."""
    ticks = sum(sum(map(int, _stat(process)[11:15])) for process in processes)
    return ticks / os.sysconf("SC_CLK_TCK")


def own_cpu_s(task: Path) -> float:
    """Give the CPU seconds of one process or thread, named by its folder, without its children."""
    return sum(map(int, _fields(task)[11:13])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(processes: Iterable[int]) -> int:
    """Sum the proportional set sizes; a process that ended meanwhile counts nothing."""
    return sum(map(_proportional_bytes, processes))


def _children() -> Mapping[int, list[int]]:
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    return children


def _stat(process: int) -> list[str]:
    return _fields(_PROC / str(process))


def _fields(task: Path) -> list[str]:
    """Read the fields after the command's name, which may itself hold spaces and brackets."""
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _proportional_bytes(process: int) -> int:
    try:
        lines = (_PROC / str(process) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    found = (line.split()[1] for line in lines if line.startswith("Pss:"))
    return int(next(found, "0")) * 1024
