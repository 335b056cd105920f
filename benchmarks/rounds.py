"""The order of a run: systems take turns, round after round, because the machine's speed drifts."""

from __future__ import annotations

import itertools
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import Timing, Workload, drive
from benchmarks.measure import Cost, Meter
from benchmarks.pictures import Album
from benchmarks.systems import JobFailed, Lane, Place, Running, System
from benchmarks.wire import UnexpectedReply

_BROKEN = (JobFailed, UnexpectedReply, OSError, ExceptionGroup)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run."""

    systems: Sequence[System]
    workloads: Sequence[Workload]
    rounds: int
    lanes: int
    """Jobs in flight."""
    poll_s: float
    tools: Path


@dataclass(frozen=True, slots=True)
class Cell:
    """One system under one workload in one round."""

    system: str
    workload: str
    round: int
    jobs_per_s: float
    cpu_ms: float
    """CPU milliseconds for each job, of the whole tree of processes."""
    p50_ms: float
    p95_ms: float
    peak_mb: float
    generator_cpu_ms: float
    """The same of the load generator, which is in no other figure."""


async def run(plan: Plan, album: Album, tell: Callable[[str], None]) -> list[Cell]:
    """Measure every system in every round; `tell` hears of each cell.

    A system that breaks loses that turn, is told of, and does not end the run of the others.
    """
    cells: list[Cell] = []
    for number, system in itertools.product(range(plan.rounds), plan.systems):
        try:
            turn = await _turn(plan, album, system, number)
        except _BROKEN as error:
            tell(f"round {number + 1}: {system.name} broke: {error!r}")
            continue
        rates = ", ".join(f"({cell.workload}) {cell.jobs_per_s:.1f}/s" for cell in turn)
        tell(f"round {number + 1}: {system.name} {rates}")
        cells += turn
    return cells


async def _turn(plan: Plan, album: Album, system: System, number: int) -> list[Cell]:
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        place = Place(plan.tools, Path(folder), plan.poll_s)
        async with system.start(place) as running:
            return [
                await _cell(plan, album, system, running, workload, number)
                for workload in plan.workloads
                if system.has_memory or not workload.from_memory
            ]


async def _cell(
    plan: Plan, album: Album, system: System, running: Running, workload: Workload, number: int
) -> Cell:
    lanes = [running.lane(each) for each in range(min(plan.lanes, system.most_lanes or plan.lanes))]
    try:
        known = await kept(lanes[0], album) if workload.from_memory else []
        await drive(lanes, workload.jobs(album, known, 2 * len(lanes)))
        _hang_up(lanes)  # One that had to wait for slower ones may be past its server's patience.
        with Meter(running.roots) as meter:
            timing = await drive(lanes, workload.jobs(album, known, workload.count))
        return _figures(system.name, workload.letter, number, timing, meter.cost)
    finally:
        _hang_up(lanes)


def _hang_up(lanes: Sequence[Lane]) -> None:
    for lane in lanes:
        lane.close()


async def kept(lane: Lane, album: Album) -> list[str]:
    """Have the system keep every photograph and do the work on each once."""
    return [await lane.keep(photo) for photo in album.mixed]


def _figures(system: str, workload: str, number: int, timing: Timing, cost: Cost) -> Cell:
    count = len(timing.waits_s)
    cuts = statistics.quantiles(timing.waits_s, n=20, method="inclusive")
    return Cell(
        system=system,
        workload=workload,
        round=number,
        jobs_per_s=count / timing.elapsed_s,
        cpu_ms=cost.cpu_s / count * 1000,
        p50_ms=cuts[9] * 1000,
        p95_ms=cuts[18] * 1000,
        peak_mb=cost.peak_bytes / 1_000_000,
        generator_cpu_ms=timing.generator_cpu_s / count * 1000,
    )
