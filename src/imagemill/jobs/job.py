"""A job as it is kept, and what is kept beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imagemill.jobs.states import Outcome, Standing
from imagemill.jobs.turns import Priority


@dataclass(frozen=True, slots=True)
class Result:
    """Stored bytes or data that an output ended in."""

    storage_key: str
    work_key: str
    format: str
    media_type: str
    width: int | None
    height: int | None
    frames: int
    size_bytes: int
    sha256: str
    milliseconds: float
    """What it took when it was made, from the decoded picture to the last byte."""
    created_at: float


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a job or to a batch."""

    id: int
    """Only grows, over all jobs and batches."""
    job_id: str
    """Empty for what happened to a batch."""
    type: str
    """`job.queued`, `job.started`, `job.requeued`, or how it ended: `job.completed`, ..."""
    at: float
    """Seconds since 1970."""
    batch_id: str | None = None
    """The batch that the job belongs to, or to which it happened."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What else is to be told: `progress`, `code`."""

    @property
    def ends_job(self) -> bool:
        """Whether nothing can happen to the job after it."""
        return self.type in {"job.completed", "job.failed", "job.dead", "job.cancelled"}

    @property
    def ends_batch(self) -> bool:
        """Whether nothing can happen to the batch after it."""
        return self.type == "batch.completed"


@dataclass(frozen=True, slots=True)
class Listing:
    """Which jobs to list; the newest come first."""

    limit: int
    status: str = ""
    """Only jobs of this status; empty for any."""
    type: str = ""
    """Only jobs of this type; empty for any."""
    batch_id: str = ""
    """Only jobs of this batch; empty for any."""
    image_id: str = ""
    """Only jobs on this image; empty for any."""
    before: float = float("inf")
    """Only jobs made before this time or, of those made at it, before `before_id`."""
    before_id: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A named pipeline of a job, and its result once there is one."""

    name: str
    steps: list[dict[str, Any]]
    work_key: str
    storage_key: str | None = None
    """Where the result lies or lay; None until there is one, and after it has expired."""
    result: Result | None = None
    """None also while a result whose bytes were found to be wrong is made anew."""
    is_cached: bool = False
    """Whether the result was there before the job was."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a job asks for itself, within the bounds of the settings."""

    priority: Priority = Priority.NORMAL
    max_retries: int | None = None
    """Tries after the first; None for what the settings say."""
    timeout_s: float | None = None
    """Seconds of work after which an attempt is killed; None for what the settings say."""
    deadline_at: float | None = None
    """Seconds since 1970 by which it must have ended; None for no deadline."""
    webhook_url: str | None = None
    """Where to tell of its end; None for nowhere."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job comes from, if not from a request of its own."""

    batch_id: str | None = None
    position: int | None = None
    """Which item of the batch it is, from 0."""
    replay_of: str | None = None
    """The job that this one does again."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that makes jobs."""

    request_id: str | None = None
    traceparent: str | None = None
    """Where it stands in its trace."""


@dataclass(frozen=True, slots=True)
class Job:
    """A promise to run outputs on one image."""

    id: str
    owner: str
    type: str
    """The operation of a short form, or `pipeline`."""
    standing: Standing
    image_id: str
    storage_key: str
    """Where the original lies."""
    pictures: Mapping[str, str]
    """Storage key of each further image, by id; empty while the job waits for images."""
    digests: Mapping[str, str]
    """SHA-256 of the original and of each further image, by id."""
    outputs: tuple[Output, ...]
    created_at: float
    terms: Terms = Terms()
    place: Place = Place()
    request_id: str | None = None
    traceparent: str | None = None
    """The trace of the request that made it; None for jobs of an older version."""
    is_dead: bool = False
    """Whether what was just carried out left a dead letter; not kept."""
    rests_until: float | None = None
    """Set while a queued job rests after a failure; nobody may claim it then."""
    started_at: float | None = None
    """When the first attempt began."""
    attempt_at: float | None = None
    """When the newest attempt began."""
    worker: str | None = None
    """Name of the worker of the newest attempt."""
    progress: int = 0
    """How much of the newest attempt is done, in percent."""
    finished_at: float | None = None
    lease_id: str | None = None
    """Held by the worker of the newest attempt while the job is processing."""
    error: Mapping[str, Any] | None = None
    """Why the newest attempt failed: `code`, `message`, `output`, `limit`."""
    work: Mapping[str, Any] = field(default_factory=dict)
    """What the attempt that completed it cost: `decodes`, `cpu_s`, `peak_memory_bytes`."""
    expired_at: float | None = None
    """When its results were removed because their time was over."""
    key_id: str | None = None
    """The key that made it; None for people who logged in, and for jobs of an older version."""
    pixels: int = 0
    """Pixels of the original, all frames; 0 for a job of an older version."""
    origin_url: str | None = None
    """Where the original was to be fetched from; None for one that was there."""

    @property
    def is_waiting(self) -> bool:
        """Whether its images are not there yet, so that nobody can work on it; or never came."""
        return not self.storage_key

    @property
    def is_cached(self) -> bool:
        """Whether every result was there before the job was."""
        return all(each.is_cached for each in self.outputs)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a job by one worker, after its end."""

    job_id: str
    number: int
    worker: str
    started_at: float
    ended_at: float
    outcome: Outcome
    error: Mapping[str, Any] | None = None
    """Why it failed, as in `Job.error`; None for one that did not."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job whose tries are used up; it waits for a person."""

    job_id: str
    """Its own id, too: there is one letter a job at most."""
    owner: str
    reason: str
    """Code of the error of the last attempt."""
    type: str
    """The job's type, to filter by."""
    at: float
    state: str
    """`waiting`, `replayed` or `discarded`."""
    replayed_as: str | None = None
    """The job that does it again, once there is one."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Many jobs made by one request, followed as one."""

    id: str
    owner: str
    created_at: float
    total: int
    """Items, those whose picture was refused included."""
    completed: int = 0
    failed: int = 0
    """Jobs that failed, and items whose picture was refused."""
    cancelled: int = 0
    finished_at: float | None = None
    replay_of: str | None = None
    """The batch whose failed items these are."""
    request_id: str | None = None
    webhook_url: str | None = None
    """Where to tell of its end; None for nowhere."""

    @property
    def ended(self) -> int:
        """How many of its items have ended."""
        return self.completed + self.failed + self.cancelled
