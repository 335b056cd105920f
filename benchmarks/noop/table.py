"""The answer of a run: medians of all rounds side by side, as text."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks.noop.contenders import Contender
from benchmarks.noop.turn import Cell

_HEADINGS = ("", "drained/s", "one by one/s", "bulk/s", "drain CPU", "submit CPU", "on disk")
_NAME_WIDTH = 32
_WIDTH = 14


def table(
    contenders: Sequence[Contender], missing: Mapping[str, str], cells: Sequence[Cell]
) -> str:
    """Write a row for each contender, and one for each that is `missing`, with the reason."""
    return "\n".join(_lines(contenders, missing, cells))


def _lines(
    contenders: Sequence[Contender], missing: Mapping[str, str], cells: Sequence[Cell]
) -> Iterator[str]:
    yield _line(_HEADINGS)
    for contender in contenders:
        own = [cell for cell in cells if cell.contender == contender.name]
        yield _row(contender, own) if own else f"{contender.name:{_NAME_WIDTH}}broke in each round"
    for name, reason in missing.items():
        yield f"{name:{_NAME_WIDTH}}not run: {reason}"


def _row(contender: Contender, own: Sequence[Cell]) -> str:
    return _line(
        (
            contender.name,
            _median(own, lambda cell: cell.drained_per_s, 0),
            _median(own, lambda cell: cell.submitted_per_s, 0),
            _median(own, lambda cell: cell.bulk_per_s, 0),
            _median(own, lambda cell: cell.drain_cpu_ms, 2),
            _median(own, lambda cell: cell.submit_cpu_ms, 2),
            "yes" if contender.is_synced else "no",
        )
    )


def _median(cells: Sequence[Cell], figure: Callable[[Cell], float | None], decimals: int) -> str:
    figures = [each for cell in cells if (each := figure(cell)) is not None]
    return f"{statistics.median(figures):,.{decimals}f}" if figures else "-"


def _line(columns: Sequence[str]) -> str:
    first, *others = columns
    return first.ljust(_NAME_WIDTH) + "".join(column.rjust(_WIDTH) for column in others)
