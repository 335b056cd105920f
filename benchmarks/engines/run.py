"""Measure one set of jobs on every form: photographs that become a 400x300 JPEG, all uploaded.

Forms take turns, round after round. Each starts from empty folders and fresh servers. Two figures
are taken: many jobs in flight (rate, waiting times, CPU of the whole machine but for the client's),
and one job at a time (what an unhurried client waits).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.engines.forms import FORMS, Client, Form, running
from benchmarks.engines.machine import busy_s
from benchmarks.load import Timing, drive, workloads
from benchmarks.machine import described
from benchmarks.pictures import Album, album
from benchmarks.results import RESULTS, keep
from benchmarks.systems import NotInstalled

_LANES: Final = 8
_ALONE: Final = 40
"""Jobs of the second figure: enough for a median."""
_WARM: Final = 16
_HEAD: Final = (
    "| form | jobs/s | of embedded | p50, ms | p95, ms | CPU, ms a job | one at a time, p50, ms |\n"
    "|---|--:|--:|--:|--:|--:|--:|"
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one form did in one round."""

    jobs_per_s: float
    p50_ms: float
    p95_ms: float
    cpu_ms: float
    """CPU of the whole machine for each job, without the client's."""
    alone_ms: float
    """Median of jobs that are sent one after the other."""


def main(argv: Sequence[str]) -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("--pictures", type=Path, help="folder of photographs; drawn without it")
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--forms", type=int, nargs="*", help="numbers of forms, from 0; all")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the answer is kept")
    parser.add_argument("--no-save", action="store_true", help="print it only")
    asked = parser.parse_args(argv)
    about = described(datetime.now(UTC))
    forms = [FORMS[each] for each in asked.forms] if asked.forms else FORMS
    photos = album(asked.pictures, Path(".tools/bench/pictures"))
    turns = asyncio.run(_rounds(forms, photos, asked.jobs, asked.rounds))
    report = _report(about, forms, turns, asked.jobs)
    sys.stdout.write(report)
    if not asked.no_save:
        keep(report, asked.results, "-engines")
    return 0


async def _rounds(
    forms: Sequence[Form], photos: Album, jobs: int, rounds: int
) -> dict[str, list[Turn]]:
    turns: defaultdict[str, list[Turn]] = defaultdict(list)
    for number in range(rounds):
        for form in forms:
            try:
                turn = await _turn(form, photos, jobs)
            except NotInstalled as lacking:
                sys.stderr.write(f"{form.name}: left out: {lacking}\n")
                continue
            sys.stderr.write(f"round {number + 1}: {form.name}: {turn.jobs_per_s:.1f} jobs/s\n")
            turns[form.name].append(turn)
    return turns


async def _turn(form: Form, photos: Album, jobs: int) -> Turn:
    with place() as folder:
        async with running(form, folder) as client:
            await driven(client, photos, _WARM, _LANES)
            before_s = busy_s()
            timing = await driven(client, photos, jobs, _LANES)
            cpu_s = busy_s() - before_s - timing.generator_cpu_s
            alone = await driven(client, photos, _ALONE, 1)
    cuts = statistics.quantiles(timing.waits_s, n=20, method="inclusive")
    return Turn(
        jobs_per_s=jobs / timing.elapsed_s,
        p50_ms=1000 * cuts[9],
        p95_ms=1000 * cuts[18],
        cpu_ms=1000 * cpu_s / jobs,
        alone_ms=1000 * statistics.median(alone.waits_s),
    )


@contextmanager
def place() -> Iterator[Path]:
    """Make a folder for one form, through which a server with a user of its own may pass."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


async def driven(client: Client, photos: Album, jobs: int, lanes: int) -> Timing:
    """Have so many jobs done, so many at once."""
    opened = [client.lane() for _ in range(lanes)]
    try:
        return await drive(opened, workloads(1)[0].jobs(photos, [], jobs))
    finally:
        for lane in opened:
            lane.close()


def _report(about: str, forms: Sequence[Form], turns: dict[str, list[Turn]], jobs: int) -> str:
    """Write the table; rates are compared with the first form's of the same round."""
    first = turns[forms[0].name]
    rows = [_row(form.name, turns[form.name], first) for form in forms if turns[form.name]]
    rounds = f"{jobs} jobs, {_LANES} in flight, medians of {len(first)} rounds"
    return "\n".join([about, "", rounds, "", _HEAD, *rows]) + "\n"


def _row(name: str, turns: Sequence[Turn], first: Sequence[Turn]) -> str:
    ratio = statistics.median(
        own.jobs_per_s / other.jobs_per_s for own, other in zip(turns, first, strict=False)
    )
    medians = (
        statistics.median(getattr(each, figure) for each in turns)
        for figure in ("jobs_per_s", "p50_ms", "p95_ms", "cpu_ms", "alone_ms")
    )
    rate, p50, p95, cpu, alone = medians
    return (
        f"| {name} | {rate:.1f} | {ratio:.2f} | {p50:.0f} | {p95:.0f} | {cpu:.1f} | {alone:.1f} |"
    )
