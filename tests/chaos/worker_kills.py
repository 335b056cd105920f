"""Workers are killed at random, again and again, while they work."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.api import API
from tests.chaos import ledger, parts, work
from tests.chaos.parts import Parts
from tests.chaos.report import Report, Scale, milliseconds, percentile

TITLE = "workers killed at random"
_PAUSES_S = (1.0, 3.0)
_REST_S = 1.0
"""How long a killed worker stays away."""


@dataclass(frozen=True)
class _Size:
    jobs: int
    slow_share: float
    kills: int
    """Most kills; on a machine that does much else, workers are then left to finish."""
    within_s: float


_SIZES = {
    Scale.BOUNDED: _Size(60, 0.03, kills=4, within_s=60),
    Scale.FULL: _Size(2_000, 0.15, kills=10_000, within_s=3_600),
}


def run(scale: Scale, folder: Path) -> Report:
    """Submit mixed jobs, kill a random worker every 1 to 3 seconds, start it again 1 s later.

    One that is still starting is left alone: it has nothing to lose, and where a start takes 3 s
    no worker would ever work.
    """
    report, size, rng = Report(TITLE), _SIZES[scale], random.Random(7)
    with parts.running(folder / "data", workers=2) as (system, api):
        images = work.uploaded(api, 6, 900, 600)
        plan = [work.mixed(each, rng, slow_share=size.slow_share) for each in range(size.jobs)]
        promised = work.submitted(api, images, plan)
        kills = _kill_until(lambda: work.is_quiet(api), system, rng, size)
        report.count("jobs", len(promised))
        report.count("workers killed", kills)
        tell(report, api, system.data, promised)
    return report.kept()


def tell(report: Report, api: API, data: Path, promised: list[str]) -> None:
    """Count what became of jobs that were promised; all must be completed, each once."""
    found, log = work.statuses(api), ledger.events(data)
    report.none("lost", [each for each in promised if each not in found])
    report.none("not ended well", [each for each in promised if found.get(each) != "completed"])
    report.none("completed twice", ledger.repeated(log, "job.completed"))
    objects = ledger.results(data)
    report.count("result objects", len(objects))
    report.promise("one result object for each job", held=len(objects) == len(set(promised)))
    report.none("empty results", [each for each in objects if not each.stat().st_size])
    report.count("started", sum(each.type == "job.started" for each in log))
    report.count("p99 pick-up", milliseconds(percentile(ledger.pick_ups(log), 0.99)))
    again = milliseconds(percentile(ledger.resumptions(log), 0.99))
    report.count("p99 from a start that was lost to the next", again)


def _kill_until(is_over: Callable[[], bool], system: Parts, rng: random.Random, size: _Size) -> int:
    kills, end = 0, time.monotonic() + size.within_s
    next_kill, restarts = time.monotonic() + rng.uniform(*_PAUSES_S), list[float]()
    while not is_over():
        now = time.monotonic()
        assert now < end, f"jobs did not end within {size.within_s} s and {kills} kills"
        if restarts and now > restarts[0]:
            restarts.pop(0)
            system.start_worker()
        alive = [each for each in system.workers if each.is_running and "listens" in each.said()]
        if now > next_kill and kills < size.kills:
            for victim in rng.sample(alive, min(1, len(alive))):
                victim.kill()
                kills += 1
                restarts.append(now + _REST_S)
            next_kill = time.monotonic() + rng.uniform(*_PAUSES_S)
    return kills
