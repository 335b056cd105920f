"""What others may ask of the jobs service."""

from __future__ import annotations

from typing import Any, Final

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.facts import Limits
from imagemill.contracts.gathering import Gathering
from imagemill.contracts.identity import Identity
from imagemill.contracts.model import Contract
from imagemill.errors import Conflict

TOPIC: Final = "jobs"
"""Queue topic on which workers hear of jobs."""


class JobInput(Contract):
    """Where a job's original lies."""

    storage_key: str


class JobMessage(Contract):
    """What the queue carries: the id decides, the rest informs whoever reads the queue."""

    job_id: str
    type: str
    """The operation, or `pipeline` when there is more than one."""
    parameters: dict[str, Any] = {}
    input: JobInput
    metadata: dict[str, str | int | None] = {}


class ClaimRequest(Contract):
    """A worker's wish to try a job."""

    job_id: str
    worker: str
    """Name of the worker, for people."""


class ClaimRequests(Contract):
    """What a worker would try, asked in one call."""

    requests: list[ClaimRequest]


class Claim(Contract):
    """One attempt at a job, lent to one worker until the lease ends."""

    job_id: str
    owner: str
    attempt: int
    lease_id: str
    """Shown at every beat and at the end; a newer attempt makes it worthless."""
    lease_s: float
    timeout_s: float
    """Wall-clock seconds after which the work is killed."""
    storage_key: str
    sha256: str = ""
    """Digest of the original's bytes; empty for a job of an older version, and then unchecked."""
    limits: Limits
    pictures: dict[str, str]
    """Storage key of each further image that steps name, by image id."""
    sha256s: dict[str, str] = {}
    """Digest of each further image, by image id; what is missing is unchecked."""
    outputs: dict[str, list[dict[str, Any]]]
    """The outputs still to be made: normalized steps by name."""
    work_keys: dict[str, str]
    """What each output's stored result is called after, by name."""
    request_id: str | None = None
    traceparent: str | None = None
    """The trace of the request that made the job."""


class Claims(Contract):
    """What was lent, in the order of the requests; None where nothing is left to do."""

    claims: list[Claim | None]


class Beat(Contract):
    """A sign of life from a worker."""

    lease_id: str
    progress: int | None = None
    """How much of the attempt is done, 0 to 99; None where that is not known."""


class Made(Contract):
    """One stored result."""

    storage_key: str
    format: str
    media_type: str
    width: int | None
    height: int | None
    frames: int = 1
    size_bytes: int
    sha256: str
    milliseconds: float


class Finish(Contract):
    """The end of an attempt that went well."""

    lease_id: str
    outputs: dict[str, Made]
    decodes: int
    cpu_s: float
    peak_memory_bytes: int


class JobFinish(Contract):
    """The good end of an attempt at a job."""

    job_id: str
    finish: Finish


class Finishes(Contract):
    """Attempts that ended well, told in one call."""

    finishes: list[JobFinish]


class Recorded(Contract):
    """What became of each finish, in order."""

    refusals: list[str | None]
    """Why it came too late; None where it was recorded."""


class GivenBack(Contract):
    """The end of an attempt that its worker cannot go on with, through no fault of the job's."""

    lease_id: str
    reason: str
    """For the job's history: a stop, or what could not be reached."""
    pause_s: float = 0.0
    """How long it is of no use to try again."""


class Failure(Contract):
    """The end of an attempt that did not."""

    lease_id: str
    code: str
    message: str
    output: str | None = None
    limit: dict[str, Any] = {}


class JobEvent(Contract):
    """What happened to a job; every event of every job stands in one log."""

    id: int
    """Only grows; whoever remembers the last one misses nothing and hears nothing twice."""
    type: str
    """`job.queued`, `job.completed`, ..."""
    job_id: str
    """Empty for what happened to a batch."""
    batch_id: str | None = None
    owner: str
    at: float
    """Seconds since 1970."""
    webhook_url: str | None = None
    """Where the job, or the batch, asked to be told of its end."""
    traceparent: str | None = None
    """The trace of the request that made the job; None for what happened to a batch."""
    request_id: str | None = None
    """The id of that request."""


class JobEvents(Contract):
    """A part of the log, in order."""

    events: list[JobEvent]


class ViewsRequest(Contract):
    """Jobs and batches of any owner that are to be told of."""

    jobs: list[str] = []
    batches: list[str] = []


class Views(Contract):
    """Jobs and batches by id, as their owners see them; what is there no longer is left out."""

    jobs: dict[str, dict[str, Any]] = {}
    batches: dict[str, dict[str, Any]] = {}


class FailedItems(Contract):
    """Items of a batch that failed, as its owner sees them."""

    jobs: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    """Those that never became a job: `name`, `position` and `error`."""


class Release(Contract):
    """The wish to let an image go."""

    force: bool
    """Whether jobs that need it are cancelled for it."""


class JobsClient:
    """The jobs service, typed, for workers and the notifier.

    Claims and finishes that are told at the same moment travel in one call: under load that
    spares most of what a call costs, and alone each goes at once.
    """

    def __init__(self, service: ServiceClient) -> None:
        """Speak to the jobs service; close() it at the end."""
        self._service = service
        self._claims = Gathering(self._claim)
        self._finishes = Gathering(self._finish)

    async def claim(self, request: ClaimRequest) -> Claim | None:
        """Borrow a job; None when there is nothing to do any more (done, cancelled, or taken)."""
        return await self._claims.ask(request)

    async def events(self, after: int, *, wait_s: float) -> list[JobEvent]:
        """Read what happened after an event; wait so long when there is nothing yet."""
        path = f"/internal/events?after={after}&wait_s={wait_s}"
        reply = await self._service.call("GET", path)
        return JobEvents.model_validate_json(reply.body).events

    async def views(self, *, jobs: list[str], batches: list[str]) -> Views:
        """Look at jobs and batches as their owners see them, in one call."""
        body = ViewsRequest(jobs=jobs, batches=batches)
        reply = await self._service.call("POST", "/internal/views", body, is_repeatable=True)
        return Views.model_validate_json(reply.body)

    async def failures(self, batch_id: str, *, owner: str, most: int) -> FailedItems:
        """Look at the first failed items of somebody's batch, as its owner sees them."""
        caller = Identity(account=owner, scopes=frozenset({"jobs:read"}))
        path = f"/api/v1/batches/{batch_id}/items?status=failed&limit={most}"
        reply = await self._service.call("GET", path, caller=caller)
        return FailedItems.model_validate_json(reply.body)

    async def beat(self, job_id: str, beat: Beat) -> None:
        """Keep the lease; raises `Conflict` when it is somebody else's by now."""
        await self._service.call("POST", f"/internal/jobs/{job_id}/beat", beat, is_repeatable=True)

    async def finish(self, job_id: str, finish: Finish) -> None:
        """Record the results; raises `Conflict` when the lease is somebody else's by now."""
        refusal = await self._finishes.ask(JobFinish(job_id=job_id, finish=finish))
        if refusal is not None:
            raise Conflict(refusal)

    async def fail(self, job_id: str, failure: Failure) -> None:
        """Record what went wrong; raises `Conflict` like `finish`."""
        path = f"/internal/jobs/{job_id}/failure"
        await self._service.call("POST", path, failure, is_repeatable=True)

    async def give_back(self, job_id: str, given: GivenBack) -> None:
        """Let somebody else do the job, at no cost to it; raises `Conflict` like `finish`."""
        path = f"/internal/jobs/{job_id}/return"
        await self._service.call("POST", path, given, is_repeatable=True)

    async def release_image(self, image_id: str, *, force: bool, caller: Identity) -> None:
        """Make sure that no unfinished job needs an image; raises `ImageInUse` where one does.

        With `force` these jobs are cancelled instead.
        """
        path = f"/internal/images/{image_id}/release"
        await self._service.call("POST", path, Release(force=force), caller=caller)

    async def close(self) -> None:
        """End calls under way."""
        await self._claims.close()
        await self._finishes.close()

    async def _claim(self, requests: list[ClaimRequest]) -> list[Claim | None]:
        body = ClaimRequests(requests=requests)
        # Never again: a job that was lent and not heard of waits for its lease's end as it is.
        reply = await self._service.call("POST", "/internal/claims", body)
        return Claims.model_validate_json(reply.body).claims

    async def _finish(self, finishes: list[JobFinish]) -> list[str | None]:
        body = Finishes(finishes=finishes)
        # Told twice, the second time is refused as stale, which ends the attempt alike.
        reply = await self._service.call("POST", "/internal/finishes", body, is_repeatable=True)
        return Recorded.model_validate_json(reply.body).refusals
