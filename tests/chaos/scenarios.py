"""Every scenario by its name, in the order in which they are played."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

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
    worker_kills,
    worker_race,
)
from tests.chaos.report import Report, Scale

Scenario = Callable[[Scale, Path], Report]
"""Plays in an empty folder; raises `Broken` when a promise did not hold."""

SCENARIOS: Final[Mapping[str, Scenario]] = {
    "worker_kills": worker_kills.run,
    "system_kills": system_kills.run,
    "fault_points": fault_points.run,
    "stopped_worker": stopped_worker.run,
    "triple_messages": triple_messages.run,
    "worker_race": worker_race.run,
    "poison": poison.run,
    "disk_full": disk_full.run,
    "fairness": fairness.run,
    "backlog": backlog.run,
    "rolling_restart": rolling_restart.run,
    "torn_network": torn_network.run,
}
