"""Eight workers race for tiny jobs, and for each job at that: its message lies there twice.

The jobs service is a process of its own, asked over HTTP. The eight workers are loops in this
process, each with a queue connection of its own, before one sandbox: eight programs would spend
their time on starting, and would meet in the same two places, the queue's file and the service.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from imagemill.engine.sandbox import Sandbox
from imagemill.engine.settings import SandboxSettings
from imagemill.storage.local import LocalStorage
from imagemill.worker.service import Worker
from tests.acceptance.api import API
from tests.chaos import ledger, parts, queue_side, wire, work
from tests.chaos.parts import Parts
from tests.chaos.report import Report, Scale

TITLE = "eight workers racing"
_JOBS = {Scale.BOUNDED: 200, Scale.FULL: 5_000}
_WORKERS = 8


def run(scale: Scale, folder: Path) -> Report:
    """Let eight workers at jobs that all wait, each announced twice."""
    report, count = Report(TITLE), _JOBS[scale]
    with parts.running(folder / "data") as (system, api):
        images = work.uploaded(api, 4)
        promised = work.submitted(api, images, [work.tiny(each) for each in range(count)])
        messages = queue_side.settled(system.data)
        asyncio.run(queue_side.publish_again(system.data, messages, times=1))
        report.count("jobs", len(promised))
        report.count("messages", len(ledger.messages(system.data)))
        asyncio.run(_race(system, api, within_s=60 + count / 10))
        found, log = work.statuses(api), ledger.events(system.data)
        report.none("not ended well", [each for each in promised if found[each] != "completed"])
        report.none("completed twice", ledger.repeated(log, "job.completed"))
        report.none("started twice", ledger.repeated(log, "job.started"))
        report.count("result objects", len(ledger.results(system.data)))
        took_s = log[-1].at - next(each.at for each in log if each.type == "job.started")
        report.count("jobs per second", f"{count / took_s:.0f}")
    return report.kept()


async def _race(system: Parts, api: API, *, within_s: float) -> None:
    async with AsyncExitStack() as opened:
        sandbox = await opened.enter_async_context(Sandbox(SandboxSettings(children=2)))
        workers = [await _worker(opened, system, sandbox, at) for at in range(_WORKERS)]
        loops = [asyncio.create_task(each.run()) for each in workers]
        try:
            await asyncio.to_thread(work.all_ended, api, within_s=within_s)
        finally:
            for each in loops:
                each.cancel()
            await asyncio.gather(*loops, return_exceptions=True)


async def _worker(opened: AsyncExitStack, system: Parts, sandbox: Sandbox, number: int) -> Worker:
    storage = LocalStorage(system.data / "objects")
    opened.push_async_callback(storage.close)
    return Worker(
        name=f"racer-{number}",
        jobs=await opened.enter_async_context(wire.as_worker(system)),
        queue=await opened.enter_async_context(queue_side.opened(system.data, lease_s=30)),
        storage=storage,
        sandbox=sandbox,
        hands=3,
    )
