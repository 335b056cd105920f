"""Every scenario by its name, in the order in which they are played.

What cannot be made here, and what is played instead:

- A power cut. `system_kills` ends the process between any two system calls, but the kernel keeps
  what was written; that the promise is also synced is tested where the database is.
- A broker or a database server that is killed. The queue and the databases are SQLite files, which
  die with the process that holds them, as in `system_kills` and `fault_points`; other processes see
  the jobs service vanish in `rolling_restart` and `torn_network`.
- A network that the kernel disturbs. `torn_network` has a proxy of its own, which cuts and delays
  streams; it cannot put packets into another order, and TCP would put them right.
- A host that runs out of memory. `poison` has a real picture that its decoder dies of at a small
  limit.
"""

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
    webhook_kills,
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
    "webhook_kills": webhook_kills.run,
}
