"""What a measured load is turned into."""

from __future__ import annotations

import pytest

from benchmarks.load import Timing
from benchmarks.rounds import Cell, Spent, figures


@pytest.fixture
def cell() -> Cell:
    """Measure a hundred jobs of 1 to 100 ms in two seconds."""
    waits_s = [number / 1000 for number in range(1, 101)]
    timing = Timing(elapsed_s=2.0, waits_s=waits_s, generator_cpu_s=0.1)
    spent = Spent(timing, cpu_s=3.0, looks=250, one_look_s=0.0004)
    return figures("a system", "a", 0, spent, peak_bytes=150_000_000)


def test_time_is_shared_out_among_the_jobs(cell: Cell) -> None:
    shared = (cell.jobs_per_s, cell.cpu_ms, cell.generator_cpu_ms, cell.peak_mb)

    assert shared == pytest.approx((50.0, 30.0, 1.0, 150.0))


def test_half_the_jobs_wait_no_longer_than_p50_and_all_but_a_twentieth_than_p95(cell: Cell) -> None:
    cuts = (cell.p50_ms, cell.p95_ms)

    assert cuts == pytest.approx((50.5, 95.05))


def test_looks_are_told_for_each_job_with_what_answering_them_took(cell: Cell) -> None:
    looking = (cell.looks, cell.look_cpu_ms)

    assert looking == pytest.approx((2.5, 1.0))
