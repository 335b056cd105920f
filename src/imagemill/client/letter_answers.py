"""What the server answers about dead letters, as frozen models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from imagemill.client.answers import Answer, Image, Job


class Attempt(Answer):
    """One try at a job."""

    number: int
    worker: str
    outcome: str
    """`failed`, `lost` where the worker died, and so on."""
    error: Mapping[str, Any] | None = None
    """Why it failed: `code` and `message`; None where it did not."""
    started_at: datetime
    ended_at: datetime


class DeadLetter(Answer):
    """A job whose tries are used up; it waits for a person."""

    id: str
    """The job's id, too."""
    reason: str
    """Code of the last error."""
    operation: str
    """The job's type."""
    state: str
    """`waiting`, `replayed` or `discarded`."""
    replayed_as: str | None = None
    """The job that does it again, once there is one."""
    at: datetime
    """When the tries were used up."""


class DeadLetterDetails(DeadLetter):
    """A dead letter with all that is needed to decide about it."""

    job: Job
    attempts: tuple[Attempt, ...]
    image: Image | None = None
    """The original; None when it was deleted."""


class DeadLetterList(Answer):
    """Some of the caller's dead letters, the newest first."""

    dead_letters: tuple[DeadLetter, ...]
    next: str | None = None
    """Where the list goes on; None at its end."""


class Decided(Answer):
    """What became of one dead letter that was to be replayed or discarded."""

    id: str
    job_id: str | None = None
    """The new job, where the letter was replayed."""
    code: str | None = None
    """Why nothing was done, as an error's code; None where it was done."""
    detail: str | None = None
    """The same in words for people."""

    @property
    def is_done(self) -> bool:
        """Whether the letter was replayed or discarded as asked."""
        return self.code is None


class DecidedList(Answer):
    """What became of each letter of one request."""

    decided: tuple[Decided, ...]
