"""The life of a job as one pure function: where it stands, what happened, what follows.

queued ──claimed──▶ processing ──finished──▶ completed
   ▲                    │
   └──failed, lost,─────┤ while tries are left
      given back        └──▶ failed, with a dead letter when its tries are used up

queued and processing ──cancelled──▶ cancelled
queued and processing ──overdue──▶ failed
queued ──starved──▶ failed      queued ──found──▶ completed      of jobs that wait for an image

Nothing else in Imagemill decides what becomes of a job.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from imagemill.errors import Conflict, DeadlinePassed, DecoderCrashed, ImagemillError, WorkerLost


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


class Outcome(StrEnum):
    """Say how an attempt ended."""

    FINISHED = "finished"
    FAILED = "failed"
    LOST = "lost"
    """Its worker was not heard of again."""
    GIVEN_BACK = "given_back"
    """Its worker was told to stop, or could not reach what it needs; this costs no try."""
    CANCELLED = "cancelled"
    OVERDUE = "overdue"


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
    """Pause before each new try; the last one repeats where there are more tries."""
    retries: int = 4
    """Tries after the first."""
    crashes: int = 2
    """Deaths of the sandboxed child after which the picture counts as poison."""
    lost: int = 20
    """Workers lost on one job before it is given up."""

    def with_retries(self, retries: int) -> Patience:
        """Allow another number of tries after the first, with the same pauses before them."""
        return replace(self, retries=retries)

    def pause_s(self, failures: int) -> float:
        """Give the pause after so many failures, from 1 on."""
        return self.pauses_s[min(failures, len(self.pauses_s)) - 1]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of a job."""

    standing: Standing
    outcome: Outcome | None = None
    """How the attempt ended that this is the end of; None where there was none."""
    due_in_s: float = 0.0
    """For a job that is queued again: how long it rests first."""
    error: str | None = None
    """For a job that failed: the code that says why."""
    is_dead: bool = False
    """Whether its tries are used up, so that a person must decide: it becomes a dead letter."""


Jitter = Callable[[float], float]
"""Turn a pause into one that differs from job to job; seconds to seconds."""


def claimed(standing: Standing) -> Ruling:
    """Lend a queued job to a worker; raises `Conflict` when it is not queued."""
    _must_be_queued(standing)
    return Ruling(replace(standing, status=Status.PROCESSING, attempt=standing.attempt + 1))


def found(standing: Standing) -> Ruling:
    """Complete a queued job whose results are stored already; raises `Conflict` like `claimed`."""
    _must_be_queued(standing)
    return Ruling(replace(standing, status=Status.COMPLETED))


def starved(standing: Standing, code: str) -> Ruling:
    """End a queued job whose image did not come or cannot be used; raises like `claimed`."""
    _must_be_queued(standing)
    return _ended(standing, None, code)


def finished(standing: Standing) -> Ruling:
    """Complete the job; raises `Conflict` when nobody works on it."""
    _must_be_worked_on(standing)
    return Ruling(replace(standing, status=Status.COMPLETED), Outcome.FINISHED)


def failed(
    standing: Standing, error: type[ImagemillError], patience: Patience, jitter: Jitter
) -> Ruling:
    """Try again later when that may help, or end the job; raises `Conflict` like `finished`."""
    _must_be_worked_on(standing)
    if not error.retry:
        return _ended(standing, Outcome.FAILED, error.code)
    crashes = standing.crashes + issubclass(error, DecoderCrashed)
    after = replace(standing, failures=standing.failures + 1, crashes=crashes)
    if crashes >= patience.crashes or after.failures > patience.retries:
        return _ended(after, Outcome.FAILED, error.code, is_dead=True)
    pause_s = jitter(patience.pause_s(after.failures))
    return Ruling(replace(after, status=Status.QUEUED), Outcome.FAILED, due_in_s=pause_s)


def lost(standing: Standing, patience: Patience) -> Ruling:
    """Take a job back from a worker whose lease ended; it costs the job no try."""
    _must_be_worked_on(standing)
    after = replace(standing, lost=standing.lost + 1)
    if after.lost >= patience.lost:
        return _ended(after, Outcome.LOST, WorkerLost.code, is_dead=True)
    return Ruling(replace(after, status=Status.QUEUED), Outcome.LOST)


def given_back(standing: Standing, pause_s: float) -> Ruling:
    """Take a job back from a worker that cannot go on through no fault of the job's.

    It costs the job nothing. Raises `Conflict` like `finished`.
    """
    _must_be_worked_on(standing)
    queued = replace(standing, status=Status.QUEUED)
    return Ruling(queued, Outcome.GIVEN_BACK, due_in_s=pause_s)


def cancelled(standing: Standing) -> Ruling:
    """End a job because its owner wants so; raises `Conflict` when it has ended already."""
    if standing.status.is_final:
        raise Conflict(f"The job is {standing.status} already; nothing is left to cancel.")
    outcome = Outcome.CANCELLED if standing.status is Status.PROCESSING else None
    return Ruling(replace(standing, status=Status.CANCELLED), outcome)


def overdue(standing: Standing) -> Ruling:
    """End a job that has not ended by its deadline; raises `Conflict` like `cancelled`."""
    if standing.status.is_final:
        raise Conflict(f"The job is {standing.status} already; its deadline means nothing now.")
    outcome = Outcome.OVERDUE if standing.status is Status.PROCESSING else None
    return _ended(standing, outcome, DeadlinePassed.code)


def _ended(
    standing: Standing, outcome: Outcome | None, code: str, *, is_dead: bool = False
) -> Ruling:
    failed = replace(standing, status=Status.FAILED)
    return Ruling(failed, outcome, error=code, is_dead=is_dead)


def _must_be_queued(standing: Standing) -> None:
    if standing.status is not Status.QUEUED:
        raise Conflict(f"The job is {standing.status}; only a queued job can be claimed.")


def _must_be_worked_on(standing: Standing) -> None:
    if standing.status is not Status.PROCESSING:
        raise Conflict(f"The job is {standing.status}; nobody works on it.")
