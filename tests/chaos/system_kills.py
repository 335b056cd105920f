"""The whole system is killed, again and again, while it takes pictures in and works."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance import pictures
from tests.acceptance.api import API
from tests.chaos import ledger, whole, work
from tests.chaos.meanwhile import meanwhile
from tests.chaos.report import Report, Scale, percentile
from tests.chaos.whole import Whole

TITLE = "the whole system killed"
_READY_S = 5.0
"""Most seconds from the start to readiness, however much waits."""


@dataclass(frozen=True)
class _Size:
    kills: int
    waiting: int
    within_s: float


_SIZES = {Scale.BOUNDED: _Size(4, 300, 120), Scale.FULL: _Size(50, 10_000, 3_600)}


def run(scale: Scale, folder: Path) -> Report:
    """Let jobs pile up, then kill the system while it works on them and more come in."""
    report, size = Report(TITLE), _SIZES[scale]
    with whole.killed_at_last(folder / "data") as system:
        promised, starts = _piled_up(system, size.waiting), list[float]()
        users = [work.Client(lambda: system.now) for _ in range(2)]
        with meanwhile(*[_uploading(each) for each in users], every_s=0.05):
            for kill in range(size.kills):
                system.now.kill()
                starts.append(system.start())
                _work_a_while(random.Random(kill))
        promised += [each for user in users for each in user.promised]
        _tell_starts(report, starts, scale)
        with whole.api_of(system) as api:
            work.all_ended(api, within_s=size.within_s)
            _tell(report, api, system.data, promised)
        report.count("answers that were no promise", dict(users[0].refused + users[1].refused))
        report.promise("exit code 0 after all", held=system.now.stop() == 0)
        report.none("complaints of integrity_check", ledger.unsound(system.data))
    return report.kept()


def _piled_up(system: Whole, count: int) -> list[str]:
    """Start the system without a worker, and let jobs wait in it."""
    system.start(*whole.WITHOUT_WORKER)
    with whole.api_of(system) as api:
        images = work.uploaded(api, 4)
        return work.submitted(api, images, [work.tiny(each) for each in range(count)])


def _uploading(user: work.Client) -> Callable[[int], object]:
    """Let a user submit a new picture each time, with work on it."""
    return lambda index: user.submit(work.tiny(index), pictures.jpeg(300, 200))


def _work_a_while(rng: random.Random) -> None:
    time.sleep(rng.uniform(0.3, 1.5))  # sleeps: the kill comes at a moment that nobody chose


def _tell_starts(report: Report, starts: list[float], scale: Scale) -> None:
    report.count("kills", len(starts))
    report.count("start to ready, median", f"{percentile(starts, 0.5):.1f} s")
    report.count("start to ready, longest", f"{max(starts):.1f} s")
    is_soon = max(starts) < _READY_S
    report.promise(f"ready within {_READY_S:g} s", held=is_soon or scale is Scale.BOUNDED)


def _tell(report: Report, api: API, data: Path, promised: list[str]) -> None:
    found = work.statuses(api)
    report.count("answered with 202", len(promised))
    report.none("lost", [each for each in promised if each not in found])
    report.none("not ended well", [each for each in promised if found.get(each) != "completed"])
    report.none("completed twice", ledger.repeated(ledger.events(data), "job.completed"))
    report.none("empty results", [each for each in ledger.results(data) if not each.stat().st_size])
