"""The network between the workers and the jobs service is slow, then gone, then there again."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import parts, proxy, work
from tests.chaos.proxy import Weather
from tests.chaos.report import Report, Scale
from tests.chaos.worker_kills import tell
from tests.peers.ports import free_port

TITLE = "a network that drops and delays"


@dataclass(frozen=True)
class _Size:
    jobs: int
    spell_s: float
    """How long each kind of weather holds."""
    spells: int


_SIZES = {Scale.BOUNDED: _Size(40, 1.5, 1), Scale.FULL: _Size(1_000, 20.0, 3)}


def run(scale: Scale, folder: Path) -> Report:
    """Let two workers work through a proxy whose weather changes."""
    report, size, rng = Report(TITLE), _SIZES[scale], random.Random(5)
    port = free_port()
    with (
        proxy.before(port) as network,
        parts.running(folder / "data", workers=2, core_port=port, jobs_address=network.url) as (
            _,
            api,
        ),
    ):
        images = work.uploaded(api, 4, 900, 600)
        plan = [work.mixed(each, rng, slow_share=0.05) for each in range(size.jobs)]
        promised = work.submitted(api, images, plan)
        for weather in [Weather.LATE, Weather.DOWN, Weather.FINE] * size.spells:
            network.weather = weather
            time.sleep(size.spell_s)  # sleeps: bad weather lasts
        began = time.monotonic()
        work.all_ended(api, within_s=60 + size.jobs)
        report.count("jobs", len(promised))
        report.count("connections cut", network.cuts)
        report.promise("some connections were cut", held=network.cuts > 0)
        report.count("caught up after", f"{time.monotonic() - began:.1f} s")
        tell(report, api, folder / "data", promised)
    return report.kept()
