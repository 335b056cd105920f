"""What workers ask of the jobs service."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Response

from imagemill.contracts.jobs import Beat, ClaimRequest, Failure, Finish
from imagemill.jobs.service import Jobs
from imagemill.web import Process
from imagemill.web.answers import json_answer


def add_internal(app: FastAPI, jobs: Jobs) -> None:
    """Let an app answer workers."""
    internal = _Internal(jobs)
    hidden: dict[str, Any] = {"include_in_schema": False}
    app.post("/internal/claims", response_model=None, **hidden)(internal.claim)
    app.post("/internal/jobs/{job_id}/beat", status_code=204, **hidden)(internal.beat)
    app.post("/internal/jobs/{job_id}/finish", status_code=204, **hidden)(internal.finish)
    app.post("/internal/jobs/{job_id}/failure", status_code=204, **hidden)(internal.fail)


@dataclass(frozen=True, slots=True)
class _Internal:
    jobs: Jobs

    async def claim(self, request: ClaimRequest, _: Process) -> Response:
        """Lend a job to a worker."""
        claim = await self.jobs.claim(request)
        return json_answer(claim) if claim else Response(status_code=HTTPStatus.NO_CONTENT)

    async def beat(self, job_id: str, beat: Beat, _: Process) -> None:
        """Keep a lease."""
        await self.jobs.beat(job_id, beat)

    async def finish(self, job_id: str, finish: Finish, _: Process) -> None:
        """Take results."""
        await self.jobs.finish(job_id, finish)

    async def fail(self, job_id: str, failure: Failure, _: Process) -> None:
        """Take a failure."""
        await self.jobs.fail(job_id, failure)
