"""A worker freezes, another one finishes its job, and what the first says afterwards is refused."""

from __future__ import annotations

import os
import signal
from http import HTTPStatus
from pathlib import Path

import httpx2

from imagemill.contracts.identity import HEADER, Identity, Signer
from imagemill.contracts.jobs import Finish
from imagemill.contracts.transport import SERVICE
from tests.acceptance.api import API
from tests.acceptance.system import System, eventually
from tests.chaos import ledger, parts, work
from tests.chaos.parts import Parts
from tests.chaos.report import Report, Scale

TITLE = "a worker frozen beyond its lease"
_CONFLICT = HTTPStatus.CONFLICT
_TIMES = {Scale.BOUNDED: 1, Scale.FULL: 20}


def run(scale: Scale, folder: Path) -> Report:
    """Freeze a worker at work until another has finished; then let it go on."""
    report = Report(TITLE)
    with parts.running(folder / "data", workers=1) as (system, api):
        (image_id,) = work.uploaded(api, 1, 900, 600)
        jobs = []
        for index in range(_TIMES[scale]):
            jobs += work.submitted(api, [image_id], [work.slow(index)])
            late = _overtaken(system, api, jobs[-1])
            report.promise(f"a late finish is a conflict, not {late}", held=late == _CONFLICT)
        report.count("jobs", len(jobs))
        report.count("attempts", [api.job(each)["attempts"] for each in jobs])
        log = ledger.events(system.data)
        report.none("completed twice", ledger.repeated(log, "job.completed"))
    return report.kept()


def _overtaken(system: Parts, api: API, job_id: str) -> int:
    """Freeze the worker at a job until another has done it; give the answer to a late finish."""
    frozen = system.workers[-1]
    eventually(lambda: api.job(job_id)["status"] == "processing")
    lease = ledger.lease_of(system.data, job_id)
    os.kill(frozen.pid, signal.SIGSTOP)
    system.start_worker()
    eventually(lambda: api.job(job_id)["status"] == "completed", within_s=60)
    late = _finished_late(system, job_id, lease)
    _went_on(frozen)
    return late


def _finished_late(system: Parts, job_id: str, lease_id: str) -> int:
    """Say under the old lease that the job is finished; give the status of the answer."""
    secret = (system.data / "service-key").read_bytes().strip()
    identity = Identity(account="worker", scopes=frozenset({"service"}))
    headers = {HEADER: Signer(secret).sign(identity), SERVICE: "jobs"}
    finish = Finish(lease_id=lease_id, outputs={}, decodes=1, cpu_s=0, peak_memory_bytes=0)
    return httpx2.post(
        f"{system.core.url}/internal/jobs/{job_id}/finish",
        headers={**headers, "content-type": "application/json"},
        content=finish.model_dump_json(),
        trust_env=False,
    ).status_code


def _went_on(frozen: System) -> None:
    """Let the frozen worker go on until it has learned that it was overtaken, and end it."""
    os.kill(frozen.pid, signal.SIGCONT)
    eventually(lambda: "attempt_overtaken" in frozen.said(), what="the refusal in its log")
    assert frozen.stop() == 0
