"""A worker freezes, another one finishes its job, and what the first says afterwards is refused."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from imagemill.contracts.jobs import Finish
from imagemill.errors import Conflict
from tests.acceptance.api import API
from tests.acceptance.system import System, eventually
from tests.chaos import ledger, parts, wire, work
from tests.chaos.parts import Parts
from tests.chaos.report import Report, Scale

TITLE = "a worker frozen beyond its lease"
_TIMES = {Scale.BOUNDED: 1, Scale.FULL: 20}


def run(scale: Scale, folder: Path) -> Report:
    """Freeze a worker at work until another has finished; then let it go on."""
    report = Report(TITLE)
    with parts.running(folder / "data", workers=1) as (system, api):
        (image_id,) = work.uploaded(api, 1, 900, 600)
        jobs = []
        for index in range(_TIMES[scale]):
            jobs += work.submitted(api, [image_id], [work.slow(index)])
            is_refused = _overtaken(system, api, jobs[-1])
            report.promise("a late finish is a conflict", held=is_refused)
        report.count("jobs", len(jobs))
        report.count("attempts", [api.job(each)["attempts"] for each in jobs])
        log = ledger.events(system.data)
        report.none("completed twice", ledger.repeated(log, "job.completed"))
    return report.kept()


def _overtaken(system: Parts, api: API, job_id: str) -> bool:
    """Freeze the worker at a job until another has done it; tell if its finish is refused then."""
    frozen = system.workers[-1]
    eventually(lambda: api.job(job_id)["status"] == "processing")
    lease = ledger.lease_of(system.data, job_id)
    os.kill(frozen.pid, signal.SIGSTOP)
    system.start_worker()
    eventually(lambda: api.job(job_id)["status"] == "completed", within_s=60)
    is_refused = asyncio.run(_is_refused(system, job_id, lease))
    _went_on(frozen)
    return is_refused


async def _is_refused(system: Parts, job_id: str, lease_id: str) -> bool:
    """Say under the old lease that the job is finished; tell whether that was a conflict."""
    finish = Finish(lease_id=lease_id, outputs={}, decodes=1, cpu_s=0, peak_memory_bytes=0)
    async with wire.as_worker(system) as jobs:
        try:
            await jobs.finish(job_id, finish)
        except Conflict:
            return True
    return False


def _went_on(frozen: System) -> None:
    """Let the frozen worker go on until it has learned that it was overtaken, and end it."""
    os.kill(frozen.pid, signal.SIGCONT)
    eventually(lambda: "attempt_overtaken" in frozen.said(), what="the refusal in its log")
    assert frozen.stop() == 0
