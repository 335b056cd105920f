"""A small version of every scenario of `make chaos`, so that no change breaks one unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import (
    backlog,
    disk_full,
    fairness,
    fault_points,
    poison,
    rolling_restart,
    stopped_worker,
    system_kills,
    torn_network,
    triple_messages,
    webhook_kills,
    worker_kills,
    worker_race,
)
from tests.chaos.report import Scale

pytestmark = [pytest.mark.server, pytest.mark.timeout(240)]


def test_jobs_survive_workers_that_are_killed(tmp_path: Path) -> None:
    worker_kills.run(Scale.BOUNDED, tmp_path)


def test_jobs_survive_a_system_that_is_killed_again_and_again(tmp_path: Path) -> None:
    system_kills.run(Scale.BOUNDED, tmp_path)


@pytest.mark.parametrize("points", [fault_points.POINTS[:5], fault_points.POINTS[5:]])
def test_jobs_survive_death_at_any_point_of_their_life(
    tmp_path: Path, points: tuple[str, ...]
) -> None:
    fault_points.run(Scale.BOUNDED, tmp_path, points)


def test_a_frozen_worker_that_finishes_late_is_refused(tmp_path: Path) -> None:
    stopped_worker.run(Scale.BOUNDED, tmp_path)


def test_a_message_that_comes_three_times_is_worked_on_once(tmp_path: Path) -> None:
    triple_messages.run(Scale.BOUNDED, tmp_path)


def test_eight_workers_that_race_complete_each_job_once(tmp_path: Path) -> None:
    worker_race.run(Scale.BOUNDED, tmp_path)


def test_pictures_that_kill_decoders_do_not_hold_up_the_others(tmp_path: Path) -> None:
    poison.run(Scale.BOUNDED, tmp_path)


@pytest.mark.may_skip("a file system of a chosen size is mounted by root only")
@pytest.mark.skipif(not disk_full.is_possible(), reason="a small file system needs root")
def test_a_full_disk_is_answered_honestly_and_outlasted(tmp_path: Path) -> None:
    disk_full.run(Scale.BOUNDED, tmp_path)


def test_who_comes_late_with_little_does_not_wait_for_everybody(tmp_path: Path) -> None:
    fairness.run(Scale.BOUNDED, tmp_path)


def test_a_backlog_slows_nothing_to_a_halt(tmp_path: Path) -> None:
    backlog.run(Scale.BOUNDED, tmp_path)


def test_a_rolling_restart_loses_nothing(tmp_path: Path) -> None:
    rolling_restart.run(Scale.BOUNDED, tmp_path)


def test_workers_outlast_a_torn_network(tmp_path: Path) -> None:
    torn_network.run(Scale.BOUNDED, tmp_path)


def test_no_event_is_untold_whoever_is_killed_or_fails(tmp_path: Path) -> None:
    webhook_kills.run(Scale.BOUNDED, tmp_path)
