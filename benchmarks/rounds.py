"""The order of a run: systems take turns, round after round, because the machine's speed drifts."""

from __future__ import annotations

import itertools
import math
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import Job, Timing, Workload, drive
from benchmarks.measure import Meter, Peak
from benchmarks.pictures import Album
from benchmarks.systems import JobFailed, Lane, Place, Running, System
from benchmarks.wire import UnexpectedReply

_BROKEN = (JobFailed, UnexpectedReply, OSError, ExceptionGroup)
_SHARE_FOR_MEMORY = 0.2
"""Jobs that follow the measured ones so that memory can be watched, as a share of these."""
_LOOKS = 300
"""Enough that a clock tick of 10 ms in each of six processes is 0.2 ms for each look at most."""


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
    looks: float
    """Times that a job's client asked whether it was done, before it was."""
    look_cpu_ms: float
    """CPU milliseconds for each job that went into answering these; part of `cpu_ms`."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one measured load took of the system."""

    timing: Timing
    cpu_s: float
    """User and system time of the whole tree of processes."""
    looks: int
    """Times that any client asked whether its job was done."""
    one_look_s: float
    """CPU seconds of the system for one such question, measured afterwards; 0 without looks."""


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
        spent = await _spent(lanes, running, workload.jobs(album, known, workload.count))
        with Peak(running.roots) as peak:
            count = math.ceil(workload.count * _SHARE_FOR_MEMORY)
            await drive(lanes, workload.jobs(album, known, count))
        return figures(system.name, workload.letter, number, spent, peak.bytes)
    finally:
        _hang_up(lanes)


async def _spent(lanes: Sequence[Lane], running: Running, jobs: Iterator[Job]) -> Spent:
    before = sum(lane.looks for lane in lanes)
    with Meter(running.roots) as meter:
        timing = await drive(lanes, jobs)
    looks = sum(lane.looks for lane in lanes) - before
    one_look_s = await _one_look_s(lanes[0], running.roots) if looks else 0.0
    return Spent(timing, meter.cpu_s, looks, one_look_s)


async def _one_look_s(lane: Lane, roots: Sequence[int]) -> float:
    with Meter(roots) as meter:
        for _ in range(_LOOKS):
            await lane.look()
    return meter.cpu_s / _LOOKS


def _hang_up(lanes: Sequence[Lane]) -> None:
    for lane in lanes:
        lane.close()


async def kept(lane: Lane, album: Album) -> list[str]:
    """Have the system keep every photograph and do the work on each once."""
    return [await lane.keep(photo) for photo in album.mixed]


def figures(system: str, workload: str, number: int, spent: Spent, peak_bytes: int) -> Cell:
    """Share out among the jobs what a measured load took."""
    timing, count = spent.timing, len(spent.timing.waits_s)
    cuts = statistics.quantiles(timing.waits_s, n=20, method="inclusive")
    return Cell(
        system=system,
        workload=workload,
        round=number,
        jobs_per_s=count / timing.elapsed_s,
        cpu_ms=spent.cpu_s / count * 1000,
        p50_ms=cuts[9] * 1000,
        p95_ms=cuts[18] * 1000,
        peak_mb=peak_bytes / 1_000_000,
        generator_cpu_ms=timing.generator_cpu_s / count * 1000,
        looks=spent.looks / count,
        look_cpu_ms=spent.looks * spent.one_look_s / count * 1000,
    )
