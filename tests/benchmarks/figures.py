"""Figures to make tables of, and the tables made of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.load import workloads
from benchmarks.rounds import Cell, Plan
from benchmarks.systems import System
from benchmarks.systems.bullmq import BullMQ
from benchmarks.systems.imagemill import Imagemill, ImagemillPolled
from benchmarks.systems.raw import Raw
from benchmarks.systems.thumbor import Thumbor
from benchmarks.table import table

_NAME_WIDTH = 32


def cell(system: type[System], jobs_per_s: float, *, number: int = 0, cpu_ms: float = 40.0) -> Cell:
    """Say what a system did under (a) in the round of this number."""
    return Cell(
        system=system.name,
        workload="a",
        round=number,
        jobs_per_s=jobs_per_s,
        cpu_ms=cpu_ms,
        p50_ms=100,
        p95_ms=200,
        peak_mb=150,
        generator_cpu_ms=1,
        looks=2,
        look_cpu_ms=0.5,
    )


def rows(cells: Sequence[Cell]) -> dict[str, list[str]]:
    """Write the table of (a) and give the columns of each row by its system."""
    systems = (Raw(), Imagemill(), ImagemillPolled(), Thumbor(), BullMQ())
    plan = Plan(systems, workloads(1)[:1], rounds=3, lanes=8, poll_s=0.05, tools=Path())
    ours = {Imagemill.name, ImagemillPolled.name}
    lines = table(plan, cells, raw=Raw.name, ours=ours).splitlines()[2:]
    return {line[:_NAME_WIDTH].strip(): line[_NAME_WIDTH:].split() for line in lines}
