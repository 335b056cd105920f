"""The life of a job as one pure function: where it stands, what happened, what follows.

queued ──claimed──▶ processing ──finished──▶ completed
   ▲                    │
   └──failed, lost──────┤ while tries are left
                        └──▶ failed

queued and processing ──cancelled──▶ cancelled

Nothing else in Imagemill decides what becomes of a job.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from imagemill.errors import Conflict, DecoderCrashed, ImagemillError, WorkerLost


class Status(StrEnum):
    """Say where a job stands."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to the job any more."""
        return self in {Status.COMPLETED, Status.FAILED, Status.CANCELLED}


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides a job's next step, and nothing else of it."""

    status: Status
    attempt: int = 0
    """Number of the newest attempt; grows with each claim and never goes back."""
    failures: int = 0
    """Attempts that ended in an error that may pass."""
    crashes: int = 0
    """Attempts whose sandboxed child died under a living worker."""
    lost: int = 0
    """Attempts whose worker was never heard of again."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How much a job may be tried."""

    pauses_s: Sequence[float] = (0.0, 5.0, 30.0, 180.0)
    """Pause before each new try; their number is the number of tries after the first."""
    crashes: int = 2
    """Deaths of the sandboxed child after which the picture counts as poison."""
    lost: int = 20
    """Workers lost on one job before it is given up."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of a job."""

    standing: Standing
    due_in_s: float = 0.0
    """For a job that is queued again: how long it rests first."""
    error: str | None = None
    """For a job that failed: the code that says why."""


Jitter = Callable[[float], float]
"""Turn a pause into one that differs from job to job; seconds to seconds."""


def claimed(standing: Standing) -> Ruling:
    """Lend a queued job to a worker; raises `Conflict` when it is not queued."""
    if standing.status is not Status.QUEUED:
        raise Conflict(f"The job is {standing.status}; only a queued job can be claimed.")
    return Ruling(replace(standing, status=Status.PROCESSING, attempt=standing.attempt + 1))


def finished(standing: Standing) -> Ruling:
    """Complete the job; raises `Conflict` when nobody works on it."""
    _must_be_worked_on(standing)
    return Ruling(replace(standing, status=Status.COMPLETED))


def failed(
    standing: Standing, error: type[ImagemillError], patience: Patience, jitter: Jitter
) -> Ruling:
    """Try again later when that may help, or end the job; raises `Conflict` like `finished`."""
    _must_be_worked_on(standing)
    if not error.retry:
        return _ended(standing, error.code)
    crashes = standing.crashes + issubclass(error, DecoderCrashed)
    after = replace(standing, failures=standing.failures + 1, crashes=crashes)
    if crashes >= patience.crashes or after.failures > len(patience.pauses_s):
        return _ended(after, error.code)
    pause_s = jitter(patience.pauses_s[after.failures - 1])
    return Ruling(replace(after, status=Status.QUEUED), due_in_s=pause_s)


def lost(standing: Standing, patience: Patience) -> Ruling:
    """Take a job back from a worker whose lease ended; it costs the job no try."""
    _must_be_worked_on(standing)
    after = replace(standing, lost=standing.lost + 1)
    if after.lost >= patience.lost:
        return _ended(after, WorkerLost.code)
    return Ruling(replace(after, status=Status.QUEUED))


def cancelled(standing: Standing) -> Ruling:
    """End a job because its owner wants so; raises `Conflict` when it has ended already."""
    if standing.status.is_final:
        raise Conflict(f"The job is {standing.status} already; nothing is left to cancel.")
    return Ruling(replace(standing, status=Status.CANCELLED))


def _ended(standing: Standing, code: str) -> Ruling:
    return Ruling(replace(standing, status=Status.FAILED), error=code)


def _must_be_worked_on(standing: Standing) -> None:
    if standing.status is not Status.PROCESSING:
        raise Conflict(f"The job is {standing.status}; nobody works on it.")
