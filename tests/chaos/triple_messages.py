"""Every message comes three times, two of them at the same time, and once more afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.acceptance.system import eventually
from tests.chaos import ledger, parts, queue_side, work
from tests.chaos.report import Report, Scale

TITLE = "every message delivered three times"
_JOBS = {Scale.BOUNDED: 40, Scale.FULL: 2_000}


def run(scale: Scale, folder: Path) -> Report:
    """Triple what lies in the queue, let two workers at it, and send it all once more."""
    report = Report(TITLE)
    with parts.running(folder / "data") as (system, api):
        images = work.uploaded(api, 4)
        plan = [work.tiny(each) for each in range(_JOBS[scale])]
        promised = work.submitted(api, images, plan)
        messages = queue_side.settled(system.data)
        asyncio.run(queue_side.publish_again(system.data, messages, times=2))
        report.count("jobs", len(promised))
        report.count("messages", len(ledger.messages(system.data)))
        for _ in range(2):
            system.start_worker()
        work.all_ended(api, within_s=60 + len(promised) / 10)
        asyncio.run(queue_side.publish_again(system.data, messages, times=1))
        within_s = 30 + len(promised) / 10
        eventually(lambda: not ledger.messages(system.data), within_s=within_s)
        found, log = work.statuses(api), ledger.events(system.data)
        report.none("not ended well", [each for each in promised if found[each] != "completed"])
        report.none("completed twice", ledger.repeated(log, "job.completed"))
        report.none("started twice", ledger.repeated(log, "job.started"))
        report.count("result objects", len(ledger.results(system.data)))
    return report.kept()
