"""What others may ask of the jobs service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.facts import Limits
from imagemill.contracts.model import Contract

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
    limits: Limits
    pictures: dict[str, str]
    """Storage key of each further image that steps name, by image id."""
    outputs: dict[str, list[dict[str, Any]]]
    """The outputs still to be made: normalized steps by name."""
    work_keys: dict[str, str]
    """What each output's stored result is called after, by name."""
    request_id: str | None = None


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
    owner: str
    at: float
    """Seconds since 1970."""


class JobEvents(Contract):
    """A part of the log, in order."""

    events: list[JobEvent]


@dataclass(frozen=True, slots=True)
class JobsClient:
    """The jobs service, typed, for workers and the notifier."""

    service: ServiceClient

    async def claim(self, request: ClaimRequest) -> Claim | None:
        """Borrow a job; None when there is nothing to do any more (done, cancelled, or taken)."""
        reply = await self.service.call("POST", "/internal/claims", request)
        return Claim.model_validate_json(reply.body) if reply.body else None

    async def events(self, after: int, *, wait_s: float) -> list[JobEvent]:
        """Read what happened after an event; wait so long when there is nothing yet."""
        path = f"/internal/events?after={after}&wait_s={wait_s}"
        reply = await self.service.call("GET", path)
        return JobEvents.model_validate_json(reply.body).events

    async def beat(self, job_id: str, beat: Beat) -> None:
        """Keep the lease; raises `Conflict` when it is somebody else's by now."""
        await self.service.call("POST", f"/internal/jobs/{job_id}/beat", beat)

    async def finish(self, job_id: str, finish: Finish) -> None:
        """Record the results; raises `Conflict` when the lease is somebody else's by now."""
        await self.service.call("POST", f"/internal/jobs/{job_id}/finish", finish)

    async def fail(self, job_id: str, failure: Failure) -> None:
        """Record what went wrong; raises `Conflict` like `finish`."""
        await self.service.call("POST", f"/internal/jobs/{job_id}/failure", failure)
