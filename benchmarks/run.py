"""The command line of the benchmark: install peers, run rounds, print and keep the table."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.load import workloads
from benchmarks.machine import described
from benchmarks.pictures import Album, album
from benchmarks.results import RESULTS, keep
from benchmarks.rounds import Plan, run
from benchmarks.systems import NotInstalled, System
from benchmarks.systems.arq import Arq
from benchmarks.systems.bullmq import BullMQ
from benchmarks.systems.celery import Celery
from benchmarks.systems.imagemill import Imagemill, ImagemillFast, ImagemillPolled
from benchmarks.systems.raw import Raw
from benchmarks.systems.thumbor import Thumbor
from benchmarks.table import table
from benchmarks.tools import install

_SYSTEMS: dict[str, type[System]] = {
    "raw": Raw,
    "imagemill": Imagemill,
    "polled": ImagemillPolled,
    "fast": ImagemillFast,
    "celery": Celery,
    "thumbor": Thumbor,
    "bullmq": BullMQ,
    "arq": Arq,
}


def main(argv: Sequence[str]) -> int:
    """Run the benchmark; a system that is not installed is named and left out."""
    asked = _parser().parse_args(argv)
    if not asked.no_install:
        install(asked.tools)
    present, notes = _present([_SYSTEMS[name] for name in asked.systems], asked.tools)
    plan = _plan(asked, present)
    photos = album(asked.pictures, asked.tools / "pictures")
    machine = described(datetime.now(UTC))
    cells = asyncio.run(run(plan, photos, _tell))
    ours = {Imagemill.name, ImagemillPolled.name, ImagemillFast.name}
    report = _report(plan, photos, [machine, *notes], table(plan, cells, raw=Raw.name, ours=ours))
    sys.stdout.write(report)
    if not asked.no_save:
        keep(report, asked.results)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    pictures = os.environ.get("IMAGEMILL_BENCH_PICTURES")
    add = parser.add_argument
    add("--pictures", type=Path, default=pictures, help="folder of .jpg files; else some are drawn")
    add("--tools", type=Path, default=Path(".tools/bench"), help="where the peers are installed")
    add("--results", type=Path, default=RESULTS, help="where the table is kept")
    add("--systems", nargs="+", choices=_SYSTEMS, default=list(_SYSTEMS), help="default: all")
    add("--workloads", nargs="+", choices="abc", default=list("abc"), help="default: a b c")
    add("--rounds", type=int, default=3, help="turns of each system (default 3)")
    add("--share", type=float, default=1.0, help="share of the usual jobs in a round (default 1)")
    add("--in-flight", type=int, default=8, help="jobs at once (default 8)")
    add(
        "--poll-ms",
        type=float,
        default=50,
        help="least pause between looks at a job (50)",
    )
    add("--no-install", action="store_true", help="install nothing; leave out what is missing")
    add("--no-save", action="store_true", help="print the table only")
    return parser


def _plan(asked: argparse.Namespace, systems: Sequence[System]) -> Plan:
    return Plan(
        systems=systems,
        workloads=[each for each in workloads(asked.share) if each.letter in asked.workloads],
        rounds=asked.rounds,
        lanes=asked.in_flight,
        poll_s=asked.poll_ms / 1000,
        tools=asked.tools.resolve(),
    )


def _present(kinds: Iterable[type[System]], tools: Path) -> tuple[list[System], list[str]]:
    """Part the systems that can run from those that cannot, with a line about each."""
    present: list[System] = []
    notes: list[str] = []
    for kind in kinds:
        system = kind()
        try:
            notes.append(f"{system.name}: {system.versions(tools.resolve())}")
            present.append(system)
        except NotInstalled as missing:
            notes.append(f"{system.name}: left out. {missing}")
    return present, notes


def _report(plan: Plan, photos: Album, notes: Sequence[str], figures: str) -> str:
    sizes = [photo.pixels / 1e6 for photo in photos.mixed]
    often = f"every {plan.poll_s * 1000:.0f} ms or more rarely"
    lines = (
        f"{len(sizes)} photographs, {min(sizes):.0f} to {max(sizes):.0f} megapixels.",
        f"{plan.lanes} jobs in flight; a polled one is looked at {often}.",
        *notes,
    )
    return "\n".join([*lines, "", figures, ""])


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
