"""What the no-op benchmark asks of a job queue: the port that its peers and Imagemill adapt."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a contender is installed and where it may write."""

    tools: Path
    folder: Path
    """Empty when the contender starts; removed afterwards."""


class NoBulk(Exception):
    """Say that a contender takes jobs one by one only, and why."""


class Running(Protocol):
    """A contender with two workers, ready for jobs."""

    async def submit(self, count: int) -> float:
        """Submit jobs one by one; give the seconds until the last was taken."""

    async def submit_in_bulk(self, count: int) -> float:
        """Submit jobs at once; give the seconds until all were taken. Raises `NoBulk`."""

    async def done(self) -> int:
        """Count the jobs since the start whose results are kept."""

    def hold(self) -> None:
        """Let the workers take nothing until `go`; they have nothing in hand when it is called."""

    def go(self) -> None:
        """Let the workers take what waits."""

    def cpu_s(self) -> float:
        """Give the CPU seconds so far of all that works the jobs off, clients apart."""

    def client_cpu_s(self) -> float:
        """Give the CPU seconds so far of what submits."""


class Contender(Protocol):
    """A way to run jobs, as a row of the table."""

    @property
    def name(self) -> str:
        """What the row is called."""

    @property
    def is_synced(self) -> bool:
        """Whether a job is on disk when its submission is answered, and its result when kept."""

    def versions(self, tools: Path) -> str:
        """Name the versions of what runs; raise `NotInstalled` when it cannot run."""

    def start(self, ground: Ground) -> AbstractAsyncContextManager[Running]:
        """Run it until the block ends; it is ready when the block begins."""
