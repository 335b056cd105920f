"""What workers are lent, and what they bring back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from imagemill.contracts.facts import Limits
from imagemill.contracts.jobs import (
    Beat,
    Claim,
    ClaimRequest,
    Failure,
    GivenBack,
    JobFinish,
)
from imagemill.database import Connection, Database
from imagemill.errors import Conflict, NotFound, Refused
from imagemill.jobs.bells import Bells
from imagemill.jobs.job import Job
from imagemill.jobs.ledger import Ledger
from imagemill.jobs.settings import JobsSettings

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Lending:
    """Attempts: lent, kept alive by beats, and ended."""

    database: Database
    ledger: Ledger
    bells: Bells
    settings: JobsSettings
    limits: Limits

    async def claim(self, requests: Sequence[ClaimRequest]) -> list[Claim | None]:
        """Lend jobs to workers; None for one about which there is nothing left to do."""
        lent = await self.database.run(partial(self._claim, requests=requests), durable=False)
        for job in filter(None, lent):
            self.bells.claimed(job)
        return [self._claim_of(job) if job else None for job in lent]

    async def beat(self, job_id: str, beat: Beat) -> None:
        """Extend a lease; raises `Conflict` when it is over."""
        lease_s = self.settings.lease_s
        is_news = await self.database.run(
            lambda each: self.ledger.beat(each, job_id, beat.lease_id, lease_s, beat.progress),
            durable=False,
        )
        if is_news:
            self.bells.news.tell(job_id)

    async def finish(self, finishes: Sequence[JobFinish]) -> list[str | None]:
        """Complete jobs with their results; tell for each why it came too late, if it did."""
        ended = await self.database.run(partial(self._finish, finishes=finishes))
        for job in ended:
            if isinstance(job, Job):
                self.bells.ended(job)
        return [None if isinstance(each, Job) else each for each in ended]

    async def fail(self, job_id: str, failure: Failure) -> None:
        """Rule on a failed attempt; raises `Conflict` for a stale lease."""
        job = await self.database.run(lambda each: self.ledger.fail(each, job_id, failure))
        self.bells.ended(job)

    async def give_back(self, job_id: str, given: GivenBack) -> None:
        """Take a job back at no cost to it; raises `Conflict` for a stale lease."""
        job = await self.database.run(lambda each: self.ledger.give_back(each, job_id, given))
        self.bells.ended(job)

    def _claim(self, connection: Connection, requests: Sequence[ClaimRequest]) -> list[Job | None]:
        return [self._claim_one(connection, each) for each in requests]

    def _claim_one(self, connection: Connection, request: ClaimRequest) -> Job | None:
        """Claim; what is refused was refused before anything was written."""
        lease_s = self.settings.lease_s
        try:
            return self.ledger.claim(connection, request.job_id, request.worker, lease_s)
        except (Conflict, NotFound) as refusal:
            _log.info("claim_refused", job_id=request.job_id, reason=refusal.message)
            return None

    def _finish(self, connection: Connection, finishes: Sequence[JobFinish]) -> list[Job | str]:
        return [self._finish_one(connection, each) for each in finishes]

    def _finish_one(self, connection: Connection, told: JobFinish) -> Job | str:
        try:
            return self.ledger.finish(connection, told.job_id, told.finish)
        except Refused as refusal:
            return refusal.message

    def _claim_of(self, job: Job) -> Claim:
        missing = [each for each in job.outputs if each.result is None]
        assert job.lease_id is not None
        return Claim(
            job_id=job.id,
            owner=job.owner,
            attempt=job.standing.attempt,
            lease_id=job.lease_id,
            lease_s=self.settings.lease_s,
            timeout_s=self._timeout_s(job),
            storage_key=job.storage_key,
            sha256=job.digests.get(job.image_id, ""),
            limits=self.limits,
            pictures=dict(job.pictures),
            sha256s=dict(job.digests),
            outputs={each.name: each.steps for each in missing},
            work_keys={each.name: each.work_key for each in missing},
            request_id=job.request_id,
            traceparent=job.traceparent,
        )

    def _timeout_s(self, job: Job) -> float:
        """Give an attempt its time, but none beyond the job's deadline."""
        timeout_s = job.terms.timeout_s or self.settings.timeout_s
        if job.terms.deadline_at is None or job.attempt_at is None:
            return timeout_s
        return max(0.1, min(timeout_s, job.terms.deadline_at - job.attempt_at))
