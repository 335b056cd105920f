"""The answer of a run: medians of all rounds side by side, as text."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from benchmarks.load import Workload
from benchmarks.rounds import Cell, Plan

_HEADINGS = (
    "system",
    "jobs/s",
    "of raw",
    "of peers",
    "CPU ms",
    "of raw",
    "p50 ms",
    "p95 ms",
    "peak MB",
    "gen ms",
    "looks",
    "look ms",
)
_NAME_WIDTH = 32
_WIDTH = 9


def table(plan: Plan, cells: Sequence[Cell], *, raw: str, ours: AbstractSet[str]) -> str:
    """Write one block for each workload.

    `of raw` and `of peers` are ratios of jobs/s within one round (to raw libvips, and to the best
    system that is neither raw nor one of ours), and then the median of those ratios, so that a
    machine which is slow for a while does not count against whoever was measured then.
    """
    blocks = (
        "\n".join(_block(plan, workload, _of(cells, workload.letter), raw, ours))
        for workload in plan.workloads
    )
    return "\n\n".join(blocks)


def _block(
    plan: Plan, workload: Workload, cells: Sequence[Cell], raw: str, ours: AbstractSet[str]
) -> Iterator[str]:
    counts = f"{workload.count} jobs a round, medians of {plan.rounds}"
    yield f"({workload.letter}) {workload.title}; {counts}"
    yield _line(_HEADINGS)
    for system in plan.systems:
        own = [cell for cell in cells if cell.system == system.name]
        yield _row(own, cells, raw, ours) if own else _line((system.name, "none"))


def _row(own: Sequence[Cell], cells: Sequence[Cell], raw: str, ours: AbstractSet[str]) -> str:
    peers = {cell.system for cell in cells} - ours - {raw, own[0].system}
    return _line(
        (
            own[0].system,
            f"{_median(own, lambda cell: cell.jobs_per_s):.1f}",
            _ratio(own, cells, {raw}, _rate),
            _ratio(own, cells, peers, _rate),
            f"{_median(own, lambda cell: cell.cpu_ms):.1f}",
            _ratio(own, cells, {raw}, lambda cell: cell.cpu_ms),
            f"{_median(own, lambda cell: cell.p50_ms):.0f}",
            f"{_median(own, lambda cell: cell.p95_ms):.0f}",
            f"{_median(own, lambda cell: cell.peak_mb):.0f}",
            f"{_median(own, lambda cell: cell.generator_cpu_ms):.1f}",
            f"{_median(own, lambda cell: cell.looks):.1f}",
            f"{_median(own, lambda cell: cell.look_cpu_ms):.1f}",
        )
    )


def _ratio(
    own: Sequence[Cell],
    cells: Sequence[Cell],
    others: Iterable[str],
    figure: Callable[[Cell], float],
) -> str:
    """Divide by the fastest of the others in the same round."""
    named = set(others)
    ratios = []
    for cell in own:
        rivals = [each for each in cells if each.round == cell.round and each.system in named]
        ratios += [figure(cell) / figure(max(rivals, key=_rate))] if rivals else []
    return f"{statistics.median(ratios):.2f}" if ratios else "-"


def _rate(cell: Cell) -> float:
    return cell.jobs_per_s


def _median(cells: Sequence[Cell], figure: Callable[[Cell], float]) -> float:
    return statistics.median(map(figure, cells))


def _of(cells: Sequence[Cell], letter: str) -> list[Cell]:
    return [cell for cell in cells if cell.workload == letter]


def _line(columns: Sequence[str]) -> str:
    first, *others = columns
    return first.ljust(_NAME_WIDTH) + "".join(column.rjust(_WIDTH) for column in others)
