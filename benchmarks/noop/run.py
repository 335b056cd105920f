"""The command line of the no-op benchmark: install peers, run rounds, print and keep the table."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.machine import described
from benchmarks.noop import rows
from benchmarks.noop.contenders import Contender, Ground
from benchmarks.noop.ours import APART, EMBEDDED, EMBEDDED_EIGHT, ON_POSTGRES
from benchmarks.noop.profile import profile
from benchmarks.noop.table import table
from benchmarks.noop.turn import Cell, turn
from benchmarks.results import RESULTS, keep
from benchmarks.systems import NotInstalled
from benchmarks.tools import NOOP_PEERS, install
from benchmarks.wire import UnexpectedReply

_CONTENDERS: Final[Mapping[str, Contender]] = {
    "imagemill": EMBEDDED,
    "imagemill-eight": EMBEDDED_EIGHT,
    "imagemill-apart": APART,
    "imagemill-postgres": ON_POSTGRES,
    "celery": rows.CELERY_ROW,
    "dramatiq": rows.DRAMATIQ_ROW,
    "taskiq": rows.TASKIQ_ROW,
    "procrastinate": rows.PROCRASTINATE_ROW,
    "huey": rows.HUEY_SYNCED_ROW,
    "huey-unsynced": rows.HUEY_ROW,
    "bullmq": rows.BULLMQ_ROW,
}
_BROKEN = (OSError, ValueError, UnexpectedReply, ExceptionGroup)


def main(argv: Sequence[str]) -> int:
    """Run the benchmark, or the profile; what is not installed is named and left out."""
    asked = _parser().parse_args(argv)
    if not asked.no_install:
        install(asked.tools, NOOP_PEERS)
    report, about = _profile(asked) if asked.profile else _compared(asked)
    sys.stdout.write(report)
    if not asked.no_save:
        keep(report, asked.results, about)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.noop", description=__doc__)
    add = parser.add_argument
    add("--tools", type=Path, default=Path(".tools/bench"), help="where the peers are installed")
    add("--results", type=Path, default=RESULTS, help="where the table is kept")
    add("--systems", nargs="+", choices=_CONTENDERS, default=list(_CONTENDERS), help="default: all")
    add("--rounds", type=int, default=3, help="turns of each system (default 3)")
    add("--jobs", type=int, default=5000, help="jobs in a turn (default 5000)")
    add("--profile", action="store_true", help="tell where Imagemill's time goes, and no more")
    add("--no-install", action="store_true", help="install nothing; leave out what is missing")
    add("--no-save", action="store_true", help="print the table only")
    return parser


def _profile(asked: argparse.Namespace) -> tuple[str, str]:
    return asyncio.run(profile(EMBEDDED, asked.tools.resolve(), asked.jobs)), "-noop-profile"


def _compared(asked: argparse.Namespace) -> tuple[str, str]:
    machine = described(datetime.now(UTC))
    wanted = [_CONTENDERS[name] for name in asked.systems]
    found, missing = parted(wanted, asked.tools.resolve())
    present = [each for each in wanted if each.name in found]
    cells = asyncio.run(_rounds(present, asked))
    report = (
        f"{asked.jobs} jobs that do nothing, waiting for two workers; medians of {asked.rounds}",
        machine,
        *(f"{name}: {versions}" for name, versions in found.items()),
        "",
        table(present, missing, cells),
        "",
    )
    return "\n".join(report), "-noop"


def parted(
    contenders: Iterable[Contender], tools: Path
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Part the contenders that can run, with their versions, from those that cannot, with why."""
    found: dict[str, str] = {}
    missing: dict[str, str] = {}
    for each in contenders:
        try:
            found[each.name] = each.versions(tools)
        except NotInstalled as reason:
            missing[each.name] = str(reason)
    return found, missing


async def _rounds(contenders: Sequence[Contender], asked: argparse.Namespace) -> list[Cell]:
    """Let the contenders take turns; one that breaks loses its turn and is told of."""
    cells: list[Cell] = []
    for number, contender in itertools.product(range(asked.rounds), contenders):
        try:
            cells.append(await _turn(contender, asked, number))
        except _BROKEN as error:
            _tell(f"round {number + 1}: {contender.name} broke: {error!r}")
            continue
        _tell(f"round {number + 1}: {contender.name} {cells[-1].drained_per_s:.0f}/s")
    return cells


async def _turn(contender: Contender, asked: argparse.Namespace, number: int) -> Cell:
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        ground = Ground(asked.tools.resolve(), Path(folder))
        return await turn(contender, ground, asked.jobs, number, _tell)


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
