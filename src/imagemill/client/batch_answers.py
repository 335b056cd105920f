"""What the server answers about batches, as frozen models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from imagemill.client.answers import Answer, Job


class BatchStatus(StrEnum):
    """Say where a batch stands."""

    PROCESSING = "processing"
    COMPLETED = "completed"
    PARTIAL = "partial"
    """It has ended, and some items are not completed."""
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether every item has ended."""
        return self is not BatchStatus.PROCESSING


class Batch(Answer):
    """Many jobs made by one request, as the server counted them when it answered."""

    batch_id: str
    status: BatchStatus
    total: int
    queued: int = 0
    processing: int = 0
    completed: int = 0
    failed: int = 0
    """Failed jobs, and items whose picture was refused."""
    cancelled: int = 0
    replay_of: str | None = None
    """The batch whose failures these are; None for a first one."""
    created_at: datetime
    finished_at: datetime | None = None
    """None until every item has ended."""


class BatchList(Answer):
    """Some of the caller's batches, the newest first."""

    batches: tuple[Batch, ...]
    next: str | None = None
    """Where the list goes on; None at its end."""


class RefusedItem(Answer):
    """An item of a batch that never became a job, because its picture was refused."""

    position: int
    """Which file of the form it was, from 0."""
    name: str | None = None
    """What its sender called the file."""
    error: Mapping[str, Any]
    """`code`, `message` and `limit`."""


class BatchItemList(Answer):
    """Some items of a batch, in order."""

    jobs: tuple[Job, ...]
    refused: tuple[RefusedItem, ...] = ()
    next: int | None = None
    """Where the list goes on; None at its end."""
