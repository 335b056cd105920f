"""Imagemill with workers whose work is nothing does all the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchmarks.noop.contenders import Ground
from benchmarks.noop.imagemill import counted
from benchmarks.noop.ours import APART, EMBEDDED_EIGHT, Imagemill, RunningImagemill

pytestmark = pytest.mark.server

JOBS = 40


@pytest.fixture(params=[EMBEDDED_EIGHT, APART], ids=["together", "apart"])
async def imagemill(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[RunningImagemill]:
    """Run it with two worker loops."""
    row: Imagemill = request.param
    async with row.start(Ground(tmp_path, tmp_path)) as running:
        yield running


async def drained(running: RunningImagemill, jobs: int) -> None:
    """Wait until so many jobs are done."""
    async with asyncio.timeout(30):
        while await running.done() < jobs:  # noqa: ASYNC110 - other processes count
            await asyncio.sleep(0.02)  # sleeps: between two looks, for at most 30 s


async def test_every_job_that_was_submitted_is_completed(imagemill: RunningImagemill) -> None:
    await imagemill.submit(JOBS)

    await drained(imagemill, JOBS)

    assert [await imagemill.jobs_in(each) for each in ("queued", "completed")] == [0, JOBS]


async def test_held_workers_do_nothing_until_they_may(imagemill: RunningImagemill) -> None:
    imagemill.hold()
    await imagemill.submit(JOBS)
    assert await imagemill.jobs_in("completed") == 0

    imagemill.go()

    await drained(imagemill, JOBS)


def test_who_has_counted_nothing_counts_as_nought(tmp_path: Path) -> None:
    assert counted(tmp_path / "count") == 0
