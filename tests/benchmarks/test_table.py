"""What the columns of the benchmark's table say."""

from __future__ import annotations

from benchmarks.systems.bullmq import BullMQ
from benchmarks.systems.imagemill import Imagemill, ImagemillPolled
from benchmarks.systems.raw import Raw
from benchmarks.systems.thumbor import Thumbor
from tests.benchmarks.figures import cell, rows

RATE, OF_RAW, OF_PEERS, CPU, CPU_OF_RAW = range(5)


def test_a_row_shows_the_median_of_its_rounds() -> None:
    rates = [50, 10, 40]

    row = rows([cell(BullMQ, rate, number=number) for number, rate in enumerate(rates)])[
        BullMQ.name
    ]

    assert row[RATE] == "40.0"


def test_ratios_are_taken_within_a_round_before_their_median() -> None:
    slow = [cell(Raw, 20, number=0), cell(Imagemill, 18, number=0)]
    fast = [cell(Raw, 60, number=1), cell(Imagemill, 48, number=1)]
    usual = [cell(Raw, 40, number=2), cell(Imagemill, 34, number=2)]

    row = rows([*slow, *fast, *usual])[Imagemill.name]

    assert row[OF_RAW] == "0.85"


def test_a_system_is_compared_with_the_best_of_the_peers() -> None:
    cells = [cell(Imagemill, 48), cell(BullMQ, 40), cell(Thumbor, 30)]

    found = rows(cells)

    assert found[Imagemill.name][OF_PEERS] == "1.20"
    assert found[Thumbor.name][OF_PEERS] == "0.75"


def test_neither_row_of_ours_is_the_others_peer() -> None:
    cells = [cell(Imagemill, 48), cell(ImagemillPolled, 44), cell(BullMQ, 40), cell(Raw, 60)]

    found = rows(cells)

    assert found[Imagemill.name][OF_PEERS] == "1.20"
    assert found[ImagemillPolled.name][OF_PEERS] == "1.10"


def test_the_best_peer_is_compared_with_the_next() -> None:
    found = rows([cell(BullMQ, 40), cell(Thumbor, 20), cell(Imagemill, 90)])

    assert found[BullMQ.name][OF_PEERS] == "2.00"


def test_processor_time_is_compared_with_raw_of_the_same_round() -> None:
    cells = [cell(Raw, 60, cpu_ms=30), cell(Imagemill, 48, cpu_ms=36)]

    row = rows(cells)[Imagemill.name]

    assert (row[CPU], row[CPU_OF_RAW]) == ("36.0", "1.20")


def test_a_round_that_a_rival_lost_counts_for_no_ratio() -> None:
    cells = [cell(Imagemill, 48, number=0), cell(Imagemill, 10, number=1), cell(BullMQ, 40)]

    row = rows(cells)[Imagemill.name]

    assert row[OF_PEERS] == "1.20"


def test_a_system_without_figures_is_shown_as_such() -> None:
    found = rows([cell(Imagemill, 48)])

    assert found[Thumbor.name] == ["none"]
    assert found[Imagemill.name][OF_RAW] == "-"
