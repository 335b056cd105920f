"""Results as they leave: their bytes checked, and made anew where they are wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import structlog
from fastapi import Request, Response

from imagemill.contracts.identity import Identity
from imagemill.database import Connection
from imagemill.errors import IntegrityLost, NotFound, Unavailable
from imagemill.jobs.job import Job, Output, Result
from imagemill.jobs.ledger import NewJob
from imagemill.jobs.records import jobs, results
from imagemill.jobs.replays import wish_again
from imagemill.jobs.service import Jobs
from imagemill.jobs.states import Status
from imagemill.storage import Bucket
from imagemill.web.delivery import (
    GATHERED_BYTES,
    OWNER,
    Audience,
    Delivered,
    deliver,
    gives_whole,
)

_WAIT_S: Final = 10.0
"""How long an answer waits for a result that is made anew."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """Gives results out; one whose bytes changed on disk is made again from the original."""

    jobs: Jobs

    async def delivered(
        self,
        request: Request,
        job: Job,
        output: Output,
        owner: Identity,
        audience: Audience = OWNER,
    ) -> Response:
        """Answer with an output's bytes.

        Raises `IntegrityLost` where they can be had neither from storage nor from the original,
        `Unavailable` while they are being made.
        """
        if output.result is not None:
            try:
                return await self._sent(request, output, output.result, audience)
            except (IntegrityLost, NotFound) as error:
                _log.error("result_is_wrong", storage_key=output.storage_key, reason=error.message)
                await self._begin(job, output, output.result, owner)
        result = await self._rebuilt(job, output)
        return await self._sent(request, output, result, audience)

    async def _sent(
        self, request: Request, output: Output, result: Result, audience: Audience
    ) -> Response:
        what = Delivered(
            media_type=result.media_type,
            size_bytes=result.size_bytes,
            sha256=result.sha256,
            written_at=result.created_at,
            file_name=f"{output.name}.{result.format}",
            inline=True,
            audience=audience,
        )
        if result.size_bytes > GATHERED_BYTES and gives_whole(request):
            await self._check(result)
        read = partial(self.jobs.storage.get, Bucket.RESULTS, result.storage_key)
        return await deliver(request, what, lambda start, end: read(start=start, end=end))

    async def _check(self, result: Result) -> None:
        """Read a large result once before it is sent, so that a wrong one can be made anew.

        It costs 0.6 ms of processor time for each megabyte; a small one is checked as it is sent.
        """
        key, sha256 = result.storage_key, result.sha256
        os.close(await self.jobs.storage.open(Bucket.RESULTS, key, sha256=sha256))

    async def _begin(self, job: Job, output: Output, wrong: Result, owner: Identity) -> None:
        """Forget a wrong result and make a job that makes it again, both or neither."""
        wish = replace(wish_again(job), fresh=True)
        mine = replace(wish, outputs={output.name: wish.outputs[output.name]})
        try:
            plan = await self.jobs.plan_on(mine, owner, None)
        except NotFound as error:
            message = "The result's bytes are wrong, and its original was deleted."
            raise IntegrityLost(message) from error
        # Under its old key, so that every job that points at this result has it again.
        planned = replace(plan.outputs[output.name], work_key=output.work_key)
        # And nobody is told of its end, for nobody asked for it.
        terms = replace(plan.terms, webhook_url=None)
        new = NewJob(replace(plan, outputs={output.name: planned}, terms=terms))

        def unit(connection: Connection, made: Sequence[Job]) -> None:
            if not results.drop_wrong(connection, wrong):
                raise _AlreadyBegunError
            results.rebuild(connection, wrong.storage_key, made[0].id)

        try:
            nobody = Identity(account=owner.account)
            await self.jobs.accept_all([new], nobody, unit, is_counted=False)
        except _AlreadyBegunError:
            return

    async def _rebuilt(self, job: Job, output: Output) -> Result:
        """Wait for a result that is made anew."""
        until = time.monotonic() + _WAIT_S

        def look(connection: Connection) -> tuple[Output, Job | None]:
            now = jobs.get(connection, job.id)
            found = next(each for each in now.outputs if each.name == output.name)
            rebuild_id = results.rebuilt_by(connection, found.storage_key or "")
            return found, jobs.get(connection, rebuild_id) if rebuild_id else None

        while True:
            found, rebuild = await self.jobs.database.read(look)
            if found.result is not None:
                return found.result
            if rebuild is None or rebuild.standing.status in {Status.FAILED, Status.CANCELLED}:
                raise IntegrityLost(
                    "The result's stored bytes are wrong, and it could not be made anew from the "
                    "original. Ask for the work again, from another copy of the picture."
                )
            if not await self.jobs.is_rung(rebuild.id, until):
                raise Unavailable(
                    "The stored bytes were wrong; the result is being made anew.", retry_after_s=2
                )


class _AlreadyBegunError(Exception):
    """Tell that somebody else has found the same wrong bytes first."""
