"""Play scenarios one after the other, and keep what was counted: `python -m tests.chaos --help`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.machine import described
from tests.chaos.report import Broken, Report, Scale
from tests.chaos.scenarios import SCENARIOS

KEPT = Path(__file__).parents[2] / "docs/reliability"


@dataclass(frozen=True)
class _Played:
    name: str
    report: Report
    seconds: float


def main(argv: Sequence[str]) -> int:
    """Play what is asked for; answer 1 when a promise did not hold."""
    asked = _parser().parse_args(argv)
    scale = Scale.FULL if asked.full else Scale.BOUNDED
    now = datetime.now(UTC)
    machine = described(now)
    played = [_play(name, scale) for name in asked.names or SCENARIOS]
    page = "\n".join(_page(played, scale, machine))
    sys.stdout.write(f"\n{page}\n")
    if not asked.no_save:
        _keep(page, asked.results / f"{now:%Y-%m-%d-%H%M}-{scale}.md")
    return int(any(each.report.broken for each in played))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    add = parser.add_argument
    add("names", nargs="*", metavar="name", help=f"of {', '.join(SCENARIOS)}; default: all")
    add("--full", action="store_true", help="as large as promised; an hour on a quiet machine")
    add("--results", type=Path, default=KEPT, help="where the table is kept")
    add("--no-save", action="store_true", help="print the table only")
    return parser


def _play(name: str, scale: Scale) -> _Played:
    sys.stdout.write(f"{name}\n")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"chaos-{name}-", ignore_cleanup_errors=True) as folder:
        report = _reported(name, scale, Path(folder))
    return _Played(name, report, time.monotonic() - began)


def _reported(name: str, scale: Scale, folder: Path) -> Report:
    """Play a scenario; one that came to no end is a report too."""
    try:
        return SCENARIOS[name](scale, folder)
    except Broken as broken:
        return broken.report
    except AssertionError as stuck:
        return Report(name, broken=[f"it came to no end: {stuck}"])


def _page(played: Sequence[_Played], scale: Scale, machine: str) -> Iterator[str]:
    command = f"python -m tests.chaos{' --full' if scale is Scale.FULL else ''}"
    yield f"# What was seen, {scale}\n"
    yield f"`{command}` on {machine}.\n"
    yield "| scenario | counted | held | took |\n|---|---|---|---|"
    for each in played:
        counts = "<br>".join(f"{what}: {value}" for what, value in each.report.counts.items())
        held = "no: " + "; ".join(each.report.broken) if each.report.broken else "yes"
        cells = (f"**{each.name}**", counts, held, f"{each.seconds:.0f} s")
        yield f"| {' | '.join(' '.join(cell.replace('|', '/').split()) for cell in cells)} |"


def _keep(page: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{page}\n", encoding="utf-8")
    sys.stdout.write(f"kept in {path}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
