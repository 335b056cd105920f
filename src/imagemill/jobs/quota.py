"""How many jobs a key and an account may make in a month, counted where they are accepted."""

from __future__ import annotations

from dataclasses import dataclass

from imagemill.contracts.identity import Identity
from imagemill.contracts.usage import left_of_month_s, month_of
from imagemill.database import Connection
from imagemill.errors import QuotaExceeded
from imagemill.jobs.job import Job
from imagemill.jobs.records import usage
from imagemill.jobs.records.usage import Spent, Tally


@dataclass(frozen=True, slots=True)
class Spender:
    """Who makes jobs, as far as quotas go."""

    owner: str
    key_id: str | None = None
    monthly_jobs: int | None = None
    """Jobs that the key may make in a month; None for as many as it likes."""

    def tally(self, now: float) -> Tally:
        """Tell where it is counted what is used now."""
        return Tally(self.owner, month_of(now), self.key_id or "")


def spender_of(caller: Identity) -> Spender:
    """Tell who makes jobs from who is calling."""
    return Spender(caller.account, caller.key_id, caller.monthly_jobs)


@dataclass(frozen=True, slots=True)
class Quota:
    """What one account may use in a calendar month, UTC, beside what its keys may."""

    monthly_jobs: int = 0
    """Jobs that it may make; 0 for as many as it likes."""

    def spend(
        self, connection: Connection, spender: Spender, now: float, *, jobs: int, completed: int
    ) -> None:
        """Count new jobs; raises `QuotaExceeded`, which undoes the transaction with the count."""
        tally = spender.tally(now)
        made = usage.accept(connection, tally, jobs, completed)
        _refuse_beyond(made, spender.monthly_jobs, "key", now)
        if self.monthly_jobs:
            in_all = usage.jobs_of_owner(connection, tally)
            _refuse_beyond(in_all, self.monthly_jobs, "account", now)

    def check(self, connection: Connection, spender: Spender, now: float) -> None:
        """Raise `QuotaExceeded` when not even one more job may be made; count nothing."""
        tally = spender.tally(now)
        if spender.monthly_jobs is not None:
            made = usage.jobs_of_key(connection, tally) + 1
            _refuse_beyond(made, spender.monthly_jobs, "key", now)
        if self.monthly_jobs:
            made = usage.jobs_of_owner(connection, tally) + 1
            _refuse_beyond(made, self.monthly_jobs, "account", now)


def spent_on(job: Job) -> Spent:
    """Tell what an ended job took; what was there before it took nothing."""
    made = [each.result for each in job.outputs if each.result and not each.is_cached]
    return Spent(
        outputs=len(made),
        pixels_in=job.pixels if made else 0,
        pixels_out=sum((each.width or 0) * (each.height or 0) * each.frames for each in made),
        bytes_out=sum(each.size_bytes for each in made),
        cpu_s=float(job.work.get("cpu_s", 0.0)),
    )


def _refuse_beyond(made: int, most: int | None, whose: str, now: float) -> None:
    if most is not None and made > most:
        raise QuotaExceeded(
            f"The {whose} may make {most} jobs in a calendar month (UTC), and this would be more. "
            "Wait for the next month, or ask for a larger quota.",
            limit={"max_monthly_jobs": most, "of": whose},
            retry_after_s=left_of_month_s(now),
        )
