"""One owner fills the system; another, who comes later with little, does not wait for all of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.acceptance.system import eventually
from tests.chaos import ledger, parts, work
from tests.chaos.owners import owner
from tests.chaos.report import Report, Scale

TITLE = "ten jobs of one owner behind thousands of another"
_LATE = 10


@dataclass(frozen=True)
class _Size:
    jobs: int
    left: int
    """Jobs of the first owner that must end after the last one of the second."""


_SIZES = {Scale.BOUNDED: _Size(200, 150), Scale.FULL: _Size(10_000, 9_000)}


def run(scale: Scale, folder: Path) -> Report:
    """Submit for both owners, start two workers, and see in which order the jobs end.

    The workers start when all jobs wait, so that nobody was served before there was a choice.
    """
    report, size = Report(TITLE), _SIZES[scale]
    with (
        parts.running(folder / "data") as (system, _),
        httpx2.Client(base_url=system.core.url, trust_env=False, timeout=60) as calls,
    ):
        first, second = owner("first", system, calls), owner("second", system, calls)
        many = first.submit(first.upload(), [work.tiny(each) for each in range(size.jobs)])
        few = second.submit(second.upload(), [work.tiny(each) for each in range(_LATE)])
        for _ in range(2):
            system.start_worker()
        eventually(lambda: _ended(system.data) >= size.jobs + _LATE, within_s=60 + size.jobs / 10)
        log = ledger.events(system.data)
        order = [each.job_id for each in log if each.type in ledger.FINAL]
        after = set(order[max(order.index(each) for each in few) :]) & set(many)
        report.count("jobs of the first owner, of the second", (len(many), len(few)))
        report.count("of the first, ended after the second's last", len(after))
        report.promise(f"at least {size.left} end after", held=len(after) >= size.left)
        twice = [job_id for job_id, ends in ledger.ends(log).items() if len(ends) > 1]
        report.none("ended twice", twice)
    return report.kept()


def _ended(data: Path) -> int:
    return len(ledger.ends(ledger.events(data)))
