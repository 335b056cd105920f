"""What workers and the notifier ask of the jobs service."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI, Request

from imagemill.contracts.identity import Identity
from imagemill.contracts.jobs import Beat, Claim, ClaimRequest, Failure, Finish, JobEvents
from imagemill.errors import MalformedBody
from imagemill.jobs.service import Jobs
from imagemill.web.internal import answer_processes, asked


def add_internal(app: FastAPI, jobs: Jobs) -> None:
    """Let an app answer other processes."""
    internal = _Internal(jobs)
    answer_processes(app, "GET", "/internal/events", internal.events)
    answer_processes(app, "POST", "/internal/claims", internal.claim)
    answer_processes(app, "POST", "/internal/jobs/{job_id}/beat", internal.beat)
    answer_processes(app, "POST", "/internal/jobs/{job_id}/finish", internal.finish)
    answer_processes(app, "POST", "/internal/jobs/{job_id}/failure", internal.fail)


@dataclass(frozen=True, slots=True)
class _Internal:
    jobs: Jobs

    async def events(self, request: Request, _: Identity) -> JobEvents:
        """Read the log of events from some place on."""
        try:
            after = int(request.query_params["after"])
            wait_s = float(request.query_params["wait_s"])
        except (KeyError, ValueError) as error:
            raise MalformedBody("The log is read by `after` and `wait_s`.") from error
        return JobEvents(events=await self.jobs.log(after, wait_s))

    async def claim(self, request: Request, _: Identity) -> Claim | None:
        """Lend a job to a worker."""
        return await self.jobs.claim(await asked(request, ClaimRequest))

    async def beat(self, request: Request, _: Identity) -> None:
        """Keep a lease."""
        await self.jobs.beat(request.path_params["job_id"], await asked(request, Beat))

    async def finish(self, request: Request, _: Identity) -> None:
        """Take results."""
        await self.jobs.finish(request.path_params["job_id"], await asked(request, Finish))

    async def fail(self, request: Request, _: Identity) -> None:
        """Take a failure."""
        await self.jobs.fail(request.path_params["job_id"], await asked(request, Failure))
