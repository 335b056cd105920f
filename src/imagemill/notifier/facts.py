"""The facts of an event that people are told: read from what the event carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Result:
    """One result of a job."""

    name: str
    path: str
    """Path of its bytes, `/api/v1/jobs/…/outputs/small`."""
    format: str
    width: int | None
    """Pixels; None for data."""
    height: int | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Failure:
    """One item of a batch that failed."""

    id: str
    """Of its job; what its sender called the file where it never became one."""
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What happened, to what, and how it went."""

    type: str
    """`job.completed`, ...; `test` for a message that somebody asked for."""
    id: str
    """Of the job, the batch or the image."""
    path: str = ""
    """Where it can be asked about, `/api/v1/jobs/…`; empty for a test."""
    what: str = ""
    """The operation of a job, or what its sender called an image; empty where nothing says it."""
    reason: str = ""
    """Why it failed."""
    results: tuple[Result, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    """Items of a batch by how they ended."""
    failures: tuple[Failure, ...] = ()
    """The first items of a batch that failed."""
