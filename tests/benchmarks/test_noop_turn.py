"""What a turn of the no-op benchmark does, and what it counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.noop.contenders import Ground
from benchmarks.noop.turn import drained, turn
from tests.benchmarks.contenders import Contestant, Counting


async def test_jobs_are_submitted_to_workers_that_are_held(tmp_path: Path) -> None:
    running = Counting(per_look=30)

    await turn(Contestant(running), Ground(tmp_path, tmp_path), 200, 0, lambda _: None)

    assert running.log == ["submit 50, free", "submit 50, free", "submit 200, held"]


async def test_a_turn_tells_why_there_is_no_bulk_and_has_no_figure_for_it(tmp_path: Path) -> None:
    told: list[str] = []

    cell = await turn(
        Contestant(Counting(per_look=30)), Ground(tmp_path, tmp_path), 200, 0, told.append
    )

    assert (cell.submitted_per_s, cell.bulk_per_s) == (400, None)
    assert told == ["round 1: counting takes no 200 jobs at once"]


async def test_processor_time_is_shared_by_the_jobs_that_were_measured() -> None:
    running = Counting(per_look=30, waiting=200, is_held=True)

    drain = await drained(running, 200)

    assert drain.cpu_ms == pytest.approx(1)


async def test_jobs_that_end_before_they_can_be_measured_are_refused() -> None:
    running = Counting(per_look=200, waiting=200, is_held=True)

    with pytest.raises(ValueError, match="200 jobs are too few"):
        await drained(running, 200)
