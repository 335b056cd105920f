"""A job as it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imagemill.jobs.states import Standing


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
    """What happened to a job."""

    id: int
    """Only grows, over all jobs."""
    job_id: str
    type: str
    """`job.queued`, `job.started`, `job.requeued`, or how it ended: `job.completed`, ..."""
    at: float
    """Seconds since 1970."""

    @property
    def is_last(self) -> bool:
        """Whether nothing can happen to the job after it."""
        return self.type in {"job.completed", "job.failed", "job.cancelled"}


@dataclass(frozen=True, slots=True)
class Listing:
    """Which jobs to list; the newest come first."""

    limit: int
    status: str = ""
    """Only jobs of this status; empty for any."""
    type: str = ""
    """Only jobs of this type; empty for any."""
    before: float = float("inf")
    """Only jobs made before this time or, of those made at it, before `before_id`."""
    before_id: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A named pipeline of a job, and its result once there is one."""

    name: str
    steps: list[dict[str, Any]]
    work_key: str
    result: Result | None = None
    is_cached: bool = False
    """Whether the result was there before the job was."""


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
    """Storage key of each further image, by id."""
    outputs: tuple[Output, ...]
    created_at: float
    due_at: float
    """Not to be worked on before; later than `created_at` after a failure."""
    request_id: str | None = None
    started_at: float | None = None
    """When the first attempt began."""
    finished_at: float | None = None
    lease_id: str | None = None
    """Held by the worker of the newest attempt while the job is processing."""
    error: Mapping[str, Any] | None = None
    """Why the newest attempt failed: `code`, `message`, `output`, `limit`."""
    work: Mapping[str, Any] = field(default_factory=dict)
    """What the attempt that completed it cost: `decodes`, `cpu_s`, `peak_memory_bytes`."""

    @property
    def is_cached(self) -> bool:
        """Whether every result was there before the job was."""
        return all(each.is_cached for each in self.outputs)
