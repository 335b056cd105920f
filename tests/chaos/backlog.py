"""However many jobs wait, the next one is accepted and picked up as fast as ever."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.api import API
from tests.acceptance.system import eventually
from tests.chaos import ledger, parts, work
from tests.chaos.parts import Parts
from tests.chaos.report import Report, Scale, milliseconds, percentile

TITLE = "a long backlog"
_SLOWER, _LATER = 0.8, 1.5
"""The rate of claims may fall to 0.8 of an empty queue's, the 99th POST take 1.5 times as long."""


@dataclass(frozen=True)
class _Size:
    waiting: int
    measured: int


_SIZES = {Scale.BOUNDED: _Size(2_000, 100), Scale.FULL: _Size(100_000, 2_000)}


def run(scale: Scale, folder: Path) -> Report:
    """Measure POSTs and claims with nothing waiting, pile jobs up, and measure them again."""
    report, size = Report(TITLE), _SIZES[scale]
    with parts.running(folder / "data") as (system, api):
        (image_id,) = work.uploaded(api, 1)
        count = size.measured
        idle_posts = _posts(api, image_id, range(count))
        idle_rate = _rate(system, count)
        piled = range(count, count + size.waiting)
        work.submitted(api, [image_id], [work.tiny(each) for each in piled])
        busy_posts = _posts(api, image_id, range(piled.stop, piled.stop + count))
        report.count("jobs waiting", size.waiting + count)
        busy_rate = _rate(system, count)
        rates = f"{idle_rate:.0f} and {busy_rate:.0f} a second"
        report.count("claims with none waiting, and with all", rates)
        idle, busy = percentile(idle_posts, 0.99), percentile(busy_posts, 0.99)
        report.count("p99 of POST", f"{milliseconds(idle)} and {milliseconds(busy)}")
        if scale is Scale.FULL:
            report.promise("claims within 20 %", held=busy_rate >= _SLOWER * idle_rate)
            report.promise("POST p99 within 1.5 times", held=busy <= _LATER * idle)
    return report.kept()


def _posts(api: API, image_id: str, indexes: range) -> list[float]:
    """Submit one job after the other; give the seconds that each took."""
    took = []
    for index in indexes:
        began = time.perf_counter()
        work.submitted(api, [image_id], [work.tiny(index)], lanes=1)
        took.append(time.perf_counter() - began)
    return took


def _rate(system: Parts, count: int) -> float:
    """Let one worker start so many jobs; give how many it started in a second."""
    before = len(_starts(system.data))
    worker = system.start_worker()
    eventually(lambda: len(_starts(system.data)) >= before + count, within_s=60 + count / 5)
    seen = _starts(system.data)[before : before + count]
    worker.stop()
    return (count - 1) / (seen[-1] - seen[0])


def _starts(data: Path) -> list[float]:
    return [each.at for each in ledger.events(data) if each.type == "job.started"]
