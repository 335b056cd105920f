"""Results over HTTP: read by their owner or by a link, and linked to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response

from imagemill.contracts.identity import Identity
from imagemill.errors import Conflict, Expired, NotFound
from imagemill.jobs import openapi
from imagemill.jobs.job import Job, Output
from imagemill.jobs.publicity import Publicity, PublicityView
from imagemill.jobs.publishing import Publishing
from imagemill.jobs.rebuilding import Rebuilding
from imagemill.jobs.service import Jobs
from imagemill.jobs.states import Status
from imagemill.jobs.views import output_url
from imagemill.web import NO_QUERY, Caller
from imagemill.web.delivery import EVERYBODY, OWNER, Audience
from imagemill.web.links import Link, is_signed, wanted_link
from imagemill.web.reading import json_object, model_of

_PATH = "/api/v1/jobs/{job_id}/outputs/{name}"
_MOST_BYTES = 1_000
_PUBLIC = "/public/results/{name}"


def add_outputs(app: FastAPI, outputs: Outputs) -> None:
    """Let an app give results out."""
    plain: dict[str, Any] = {"dependencies": [NO_QUERY]}
    app.get(_PATH, response_class=Response, **openapi.OUTPUT)(outputs.output)
    app.head(_PATH, name="output_head", response_class=Response, **openapi.OUTPUT)(outputs.output)
    app.post(f"{_PATH}/links", name="output_link", **openapi.LINKS, **plain)(outputs.link)
    app.patch(
        _PATH,
        response_model=PublicityView,
        name="output_publicity",
        **openapi.PUBLICITY,
        **plain,
    )(outputs.publicity)
    public: dict[str, Any] = {**openapi.PUBLIC_RESULT, **plain}
    app.get(_PUBLIC, name="public_result", response_class=Response, **public)(outputs.public)
    app.head(_PUBLIC, name="public_result_head", response_class=Response, **public)(outputs.public)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What clients ask about results."""

    jobs: Jobs
    rebuilding: Rebuilding

    async def output(
        self, request: Request, job_id: openapi.JobId, name: openapi.OutputName, caller: Caller
    ) -> Response:
        """Give the bytes of one result, to its owner or to who has a signed URL of it.

        Bytes that are no longer what was written are never given: the result is made anew from
        the original, and the answer waits for it, or is 503 until it is there. One range of it can
        be asked for; several are answered whole.
        """
        audience = self.jobs.links.audience(request, caller)
        if is_signed(request):
            job = await self.jobs.any(job_id)
        else:
            job = await self.jobs.get(job_id, caller)
        return await self.delivered(request, job, name, audience)

    async def link(
        self, request: Request, job_id: openapi.JobId, name: openapi.OutputName, caller: Caller
    ) -> Link:
        """Make a link to a result that needs no key and holds for a while.

        Whoever has it can read the result until then, and nothing else.
        """
        wanted = await wanted_link(request)
        found(await self.jobs.get(job_id, caller), name)
        return self.jobs.links.signed(output_url(job_id, name), wanted)

    async def publicity(
        self, request: Request, job_id: openapi.JobId, name: openapi.OutputName, caller: Caller
    ) -> PublicityView:
        """Let anybody read a result, or nobody but you.

        Its public URL is made of its content, so that caches may keep what it gives for ever. A
        cache that has it goes on giving it after it was withdrawn, until it is told.
        """
        given = await json_object(request, most_bytes=_MOST_BYTES)
        wanted = model_of(Publicity, given, "Say `public`, true or false.")
        job = await self.jobs.get(job_id, caller)
        publishing = Publishing(self.jobs)
        if wanted.public:
            return await publishing.publish(caller, job, found(job, name))
        return await publishing.withdraw(job, name)

    async def public(self, request: Request, name: openapi.PublicName) -> Response:
        """Give the bytes of a public result to anybody."""
        job, output = await Publishing(self.jobs).named(name)
        owner = Identity(account=job.owner)
        return await self.rebuilding.delivered(request, job, output, owner, EVERYBODY)

    async def delivered(
        self, request: Request, job: Job, name: str, audience: Audience = OWNER
    ) -> Response:
        """Answer with the bytes of a job's result; raises why there are none."""
        owner = Identity(account=job.owner)
        return await self.rebuilding.delivered(request, job, found(job, name), owner, audience)


def found(job: Job, name: str) -> Output:
    """Find an output that is made; raises `NotFound`, `Conflict` or `Expired`."""
    output = next((each for each in job.outputs if each.name == name), None)
    if output is None:
        raise NotFound("The job has no output of this name.")
    if job.standing.status is not Status.COMPLETED:
        raise Conflict(f"The job is {job.standing.status}; its results are not there.")
    if job.expired_at is not None:
        raise Expired("The results of this job were removed when their time was over.")
    return output
