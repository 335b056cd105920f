"""Results that their owner lets anybody read."""

from __future__ import annotations

from dataclasses import dataclass

from imagemill.contracts.identity import Identity
from imagemill.database import Connection
from imagemill.errors import Conflict, NotFound
from imagemill.jobs.job import Job, Output
from imagemill.jobs.publicity import PublicityView
from imagemill.jobs.records import jobs, public
from imagemill.jobs.service import Jobs
from imagemill.jobs.states import Status


@dataclass(frozen=True, slots=True)
class Publishing:
    """Publish results under names of their content, and find them by these names."""

    jobs: Jobs

    async def publish(self, owner: Identity, job: Job, output: Output) -> PublicityView:
        """Let anybody read a result; raises `Conflict` while it is being made anew."""
        result = output.result
        if result is None:
            raise Conflict("The result is being made anew; ask again in a moment.")
        name = self.jobs.links.public_name(owner.account, result.work_key, result.sha256)

        def unit(connection: Connection) -> None:
            at = connection.now()
            public.publish(connection, job.id, output.name, name=name, sha256=result.sha256, at=at)

        await self.jobs.database.run(unit)
        return PublicityView(public=True, public_url=self.jobs.links.to(f"/public/results/{name}"))

    async def withdraw(self, job: Job, name: str) -> PublicityView:
        """Let nobody but its owner read a result."""
        await self.jobs.database.run(lambda each: public.withdraw(each, job.id, name))
        return PublicityView(public=False, public_url=None)

    async def named(self, name: str) -> tuple[Job, Output]:
        """Find what a public name stands for.

        Raises `NotFound` for a name that nobody published, was withdrawn, or whose result is gone
        or has other bytes by now.
        """
        return await self.jobs.database.read(lambda each: _named(each, name))


def _named(connection: Connection, name: str) -> tuple[Job, Output]:
    for job_id, output, sha256 in public.named(connection, name):
        job = jobs.get(connection, job_id)
        found = next((each for each in job.outputs if each.name == output), None)
        result = found.result if found and job.standing.status is Status.COMPLETED else None
        if found and result and result.sha256 == sha256:
            return job, found
    raise NotFound("There is no such file.")
