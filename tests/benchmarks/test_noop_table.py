"""What the table of the no-op benchmark says."""

from __future__ import annotations

from pathlib import Path

from benchmarks.noop.run import parted
from benchmarks.noop.table import table
from benchmarks.noop.turn import Cell
from tests.benchmarks.contenders import Contestant, Counting

NAME_WIDTH = 32


def cell(drained_per_s: float, bulk_per_s: float | None = None) -> Cell:
    """Say what the contender did in one round."""
    return Cell(
        contender="counting",
        round=0,
        drained_per_s=drained_per_s,
        submitted_per_s=700,
        bulk_per_s=bulk_per_s,
        drain_cpu_ms=0.5,
        submit_cpu_ms=1.25,
    )


def row(contestant: Contestant, *cells: Cell) -> list[str]:
    """Give the columns of the contender's row."""
    return table([contestant], {}, cells).splitlines()[1][NAME_WIDTH:].split()


def test_a_row_shows_the_medians_of_its_rounds() -> None:
    cells = [cell(1500, 9000), cell(4000, 12_000), cell(2000, 10_000)]

    found = row(Contestant(Counting(1)), *cells)

    assert found == ["2,000", "700", "10,000", "0.50", "1.25", "no"]


def test_who_has_no_bulk_has_no_figure_for_it() -> None:
    assert row(Contestant(Counting(1)), cell(1500))[2] == "-"


def test_who_syncs_is_said_to() -> None:
    assert row(Contestant(Counting(1), is_synced=True), cell(1500))[-1] == "yes"


def test_who_broke_in_each_round_is_shown_as_such() -> None:
    assert " ".join(row(Contestant(Counting(1)))) == "broke in each round"


def test_who_cannot_be_run_stands_in_the_table_with_the_reason() -> None:
    there, gone = Contestant(Counting(1)), Contestant(Counting(1), "gone", lacks="no server.")

    found, missing = parted([there, gone], Path())

    assert found == {"counting": "counting 1.0"}
    assert table([there], missing, [cell(1)]).splitlines()[-1] == f"{'gone':32}not run: no server."
