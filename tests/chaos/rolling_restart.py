"""Everything is restarted in an orderly way, one after the other, while jobs come in."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.acceptance.system import System, eventually
from tests.chaos import ledger, parts, work
from tests.chaos.meanwhile import meanwhile
from tests.chaos.parts import Parts
from tests.chaos.report import Report, Scale
from tests.chaos.worker_kills import tell

TITLE = "a rolling restart under load"
_UNTIL_TAKEN_BACK_S = 4.0
"""Longer than a lease and a sweep of `QUICKLY`."""


@dataclass(frozen=True)
class _Size:
    waiting: int
    rounds: int


_SIZES = {Scale.BOUNDED: _Size(30, 1), Scale.FULL: _Size(500, 1)}


def run(scale: Scale, folder: Path) -> Report:
    """Restart each worker, the core and the gateway by SIGTERM while a user submits."""
    report, size, rng = Report(TITLE), _SIZES[scale], random.Random(3)
    with parts.running(folder / "data", workers=2) as (system, api):
        images = work.uploaded(api, 4, 900, 600)
        plan = [work.mixed(each, rng, slow_share=0.1) for each in range(size.waiting)]
        promised = work.submitted(api, images, plan)
        user = work.Client(lambda: system.gateway)
        with meanwhile(lambda index: user.ask(work.tiny(index), images[0]), every_s=0.1):
            codes = [code for _ in range(size.rounds) for code in _restarted(system, report)]
        work.all_ended(api, within_s=120 + size.waiting)
        report.count("exit codes", codes)
        report.promise("every exit code is 0", held=not any(codes))
        report.count("answers that were no promise", dict(user.refused))
        tell(report, api, system.data, promised + user.promised)
        failures, lost = ledger.tries_burnt(system.data)
        report.count("tries burnt", failures)
        report.promise("no try is burnt", held=failures == 0)
        report.count("leases that ended", lost)
    return report.kept()


def _restarted(system: Parts, report: Report) -> Iterator[int]:
    """Restart every program, and give the exit code of each."""
    for worker in list(system.workers):
        yield worker.stop()
        system.workers.remove(worker)
        _ = system.start_worker().url
    time.sleep(_UNTIL_TAKEN_BACK_S)  # sleeps: a lease that nobody gave back ends by itself
    _, lost = ledger.tries_burnt(system.data)
    report.promise(f"no worker leaves a lease behind, as {lost} were", held=lost == 0)
    yield _stopped(system.core, report, "core")
    _ = system.start_core().url
    yield _stopped(system.gateway, report, "gateway")
    _ = system.start_gateway().url


def _stopped(program: System, report: Report, name: str) -> int:
    """End a program, and see that it is not ready for anybody any more."""
    look = _ready_at(program.url)
    os.kill(program.pid, signal.SIGTERM)
    eventually(lambda: not look(), within_s=5, what=f"the {name} to say that it is not ready")
    came_back = False
    while program.is_running:
        came_back = look() or came_back
    report.promise(f"the {name} stays unready after SIGTERM", held=not came_back)
    return program.ended()


def _ready_at(url: str) -> Callable[[], bool]:
    def look() -> bool:
        try:
            return httpx2.get(f"{url}/health/ready", trust_env=False).text == "ready"
        except httpx2.HTTPError:
            return False

    return look
