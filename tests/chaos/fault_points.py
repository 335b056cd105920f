"""The system dies at each named point of a job's life, and nothing that it promised is lost."""

from __future__ import annotations

import hashlib
import itertools
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from PIL import UnidentifiedImageError

from tests.acceptance import pictures
from tests.acceptance.api import API
from tests.acceptance.system import eventually
from tests.chaos import ledger, whole, work
from tests.chaos.meanwhile import meanwhile
from tests.chaos.report import Report, Scale
from tests.chaos.whole import Whole

TITLE = "death at each fault point"
POINTS = (
    "before_202",
    "after_202",
    "after_lease",
    "mid_decode",
    "half_written",
    "after_store",
    "after_record",
    "before_publish",
    "before_notify",
    "after_notify",
)
_TIMES = {Scale.BOUNDED: 1, Scale.FULL: 20}


def run(scale: Scale, folder: Path, points: Sequence[str] = POINTS) -> Report:
    """Die at every point, so many times in a row, then start without faults and look.

    At full size this is done after each point, and not only after the last.
    """
    report, user = Report(TITLE), work.Client(lambda: system.now)
    reader = _Reader(user)
    with (
        whole.killed_at_last(folder / "data") as system,
        meanwhile(reader.read, every_s=0.02),
    ):
        for point in points:
            deaths = [_died(system, user, point) for _ in range(_TIMES[scale])]
            report.count(f"deaths {point}", deaths.count(-signal.SIGKILL))
            fired = all(each == -signal.SIGKILL for each in deaths)
            said = "" if fired else f", ended {deaths}: {system.now.said()[-500:]}"
            report.promise(f"dies {point}{said}", held=fired)
            if scale is Scale.FULL:
                _all_ended(system, scale)
                system.now.kill()
        _all_ended(system, scale)
        with whole.api_of(system) as api:
            _tell(report, api, system.data, user.promised)
        report.count("results read meanwhile", reader.reads)
        report.none("half results seen", reader.halves)
    return report.kept()


def _all_ended(system: Whole, scale: Scale) -> None:
    """Start the system without a fault, and wait until all that was promised has ended."""
    system.start()
    with whole.api_of(system) as api:
        work.all_ended(api, within_s=60 + 10 * _TIMES[scale])


def _died(system: Whole, user: work.Client, point: str) -> int:
    """Start the system with a fault and submit until it has died of it; give the exit code."""
    program = system.launch(fault=f"{point}:kill", test_faults="1")
    for index in itertools.count():
        if not program.is_running or index == 20:
            break
        user.submit(work.tiny(index), pictures.jpeg())
    eventually(lambda: not program.is_running, within_s=15, what=f"death {point}")
    return program.ended()


@dataclass
class _Reader:
    """Whoever reads results while others are written."""

    user: work.Client
    reads: int = 0
    halves: list[str] = field(default_factory=list)

    def read(self, turn: int) -> None:
        """Read some of the promised results."""
        for job_id in self.user.promised[turn % 7 :: 7]:
            self._read_one(job_id)

    def _read_one(self, job_id: str) -> None:
        try:
            with API(self.user.system()) as api:
                job = api.job(job_id)
                if job["status"] != "completed":
                    return
                content = api.result(job)
        except (httpx2.HTTPError, OSError, AssertionError, IndexError):
            return
        self.reads += 1
        if hashlib.sha256(content).hexdigest() != job["result"]["sha256"]:
            self.halves.append(job_id)


def _tell(report: Report, api: API, data: Path, promised: list[str]) -> None:
    found = work.statuses(api)
    report.count("answered with 202", len(promised))
    report.none("lost", [each for each in promised if each not in found])
    report.none("not ended well", [each for each in promised if found.get(each) != "completed"])
    report.none("completed twice", ledger.repeated(ledger.events(data), "job.completed"))
    report.none("unreadable", [each for each in promised if not _is_as_told(api, each)])
    report.none("half objects", [each for each in ledger.results(data) if not _is_whole(each)])
    report.none("complaints of integrity_check", ledger.unsound(data))


def _is_as_told(api: API, job_id: str) -> bool:
    job = api.job(job_id)
    return hashlib.sha256(api.result(job)).hexdigest() == str(job["result"]["sha256"])


def _is_whole(path: Path) -> bool:
    try:
        return pictures.opened(path.read_bytes()).size > (0, 0)
    except (UnidentifiedImageError, OSError):
        return False
