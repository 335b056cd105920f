"""A contender that needs no installing, for what the no-op benchmark does with any."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.noop.contenders import Ground, NoBulk
from benchmarks.systems import NotInstalled


@dataclass
class Counting:
    """Works jobs off as it is looked at, so many between two looks."""

    per_look: int
    waiting: int = 0
    kept: int = 0
    is_held: bool = False
    log: list[str] = field(default_factory=list)

    async def submit(self, count: int) -> float:
        self.log.append(f"submit {count}, {'held' if self.is_held else 'free'}")
        self.waiting += count
        return 0.5

    async def submit_in_bulk(self, count: int) -> float:
        raise NoBulk(f"takes no {count} jobs at once")

    async def done(self) -> int:
        if not self.is_held:
            moved = min(self.per_look, self.waiting)
            self.waiting, self.kept = self.waiting - moved, self.kept + moved
        return self.kept

    def hold(self) -> None:
        self.is_held = True

    def go(self) -> None:
        self.is_held = False

    def cpu_s(self) -> float:
        return self.kept / 1000

    def client_cpu_s(self) -> float:
        return 0


@dataclass(frozen=True)
class Contestant:
    """One such contender as a row of the table."""

    running: Counting
    name: str = "counting"
    is_synced: bool = False
    lacks: str = ""

    def versions(self, tools: Path) -> str:
        if self.lacks:
            raise NotInstalled(self.lacks)
        return "counting 1.0"

    @asynccontextmanager
    async def start(self, ground: Ground) -> AsyncIterator[Counting]:
        yield self.running
