"""A job in the words of the requirements: PENDING, PROCESSING, COMPLETED or FAILED."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from imagemill.jobs.job import Job
from imagemill.jobs.states import Status
from imagemill.jobs.views import url_of
from imagemill.signing import LONGEST_S
from imagemill.storage import Bucket, Storage, checked
from imagemill.web.links import FileLinks, LinkRequest
from imagemill.web.reading import value_of

_FACTS: Final = "metadata"
"""Output whose result is told with the status."""
_IMAGE: Final = "image"
"""Output that is the picture of a request, where it has one of this name."""
_MOST_BYTES: Final = 1 << 20
"""Facts that are longer are not told with the status; they are bounded far below."""


_LONGEST: Final = LinkRequest(expires_in_s=LONGEST_S)


class PaperStatus(StrEnum):
    """Where a request stands."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class PaperError(BaseModel):
    """Why a request failed."""

    model_config = ConfigDict(frozen=True)

    code: str = Field(examples=["source_unavailable"])
    message: str


class StatusView(BaseModel):
    """A request to store and work on a picture."""

    model_config = ConfigDict(frozen=True)

    requestId: str = Field(description="Id of the job.")  # noqa: N815 - the papers' word
    customerId: str = Field(description="The account.")  # noqa: N815 - the papers' word
    originUrl: str | None = Field(  # noqa: N815 - the papers' word
        description="Where the picture was fetched from; null for an upload."
    )
    status: PaperStatus = Field(description="A cancelled job counts as `FAILED`.")
    retryCount: int = Field(description="Tries after the first.")  # noqa: N815 - the papers' word
    createdAt: int = Field(  # noqa: N815 - the papers' word
        description="Milliseconds since 1970.", examples=[1764072000000]
    )
    imageId: str | None = Field(  # noqa: N815 - the papers' word
        description="The original's id, known before it is here; another one where you kept the "
        "same bytes already."
    )
    imageUrl: str | None = Field(  # noqa: N815 - the papers' word
        description="Where anybody can read the picture that was made, for a week; null until then."
    )
    results: dict[str, str] = Field(
        description="Where anybody can read each output, by name, once it is made; for a week."
    )
    metadata: dict[str, Any] | None = Field(
        description="Facts of the picture, as the output `metadata` found them; left out of lists."
    )
    error: PaperError | None = Field(description="Why it failed.")


class StatusList(BaseModel):
    """Some of the caller's requests, the newest first."""

    model_config = ConfigDict(frozen=True)

    images: list[StatusView]
    next: str | None = Field(description="`cursor` of the next request; null at the end.")


_OF: Final[Mapping[Status, PaperStatus]] = {
    Status.QUEUED: PaperStatus.PENDING,
    Status.PROCESSING: PaperStatus.PROCESSING,
    Status.COMPLETED: PaperStatus.COMPLETED,
    Status.FAILED: PaperStatus.FAILED,
    Status.CANCELLED: PaperStatus.FAILED,
}


def of_paper(status: PaperStatus | None) -> str:
    """Give the status of jobs that a request of this status has; empty for any.

    Cancelled jobs are not found by `FAILED`, which names those that went wrong.
    """
    return next((ours for ours, theirs in _OF.items() if theirs is status), "")


def status_view(job: Job, links: FileLinks, facts: dict[str, Any] | None = None) -> StatusView:
    """Show a job to its owner in the words of the requirements; `links` sign where results are."""
    is_made = job.standing.status is Status.COMPLETED and job.expired_at is None
    results = {
        each.name: links.signed(f"{url_of(job.id)}/outputs/{each.name}", _LONGEST).url
        for each in job.outputs
        if is_made
    }
    return StatusView(
        requestId=job.id,
        customerId=job.owner,
        originUrl=job.origin_url,
        status=_OF[job.standing.status],
        retryCount=max(0, job.standing.attempt - 1),
        createdAt=round(job.created_at * 1000),
        imageId=job.image_id or None,
        imageUrl=results.get(_IMAGE),
        results=results,
        metadata=facts,
        error=_error(job),
    )


async def facts_of(job: Job, storage: Storage) -> dict[str, Any] | None:
    """Read what a completed job's output `metadata` found; None where there is none.

    Raises `IntegrityLost` where its bytes are not those that were written.
    """
    found = next((each.result for each in job.outputs if each.name == _FACTS), None)
    is_there = job.standing.status is Status.COMPLETED and job.expired_at is None
    if found is None or not is_there or found.size_bytes > _MOST_BYTES or found.format != "json":
        return None
    pieces = storage.get(Bucket.RESULTS, found.storage_key)
    told = b"".join([each async for each in checked(pieces, found.sha256)])
    facts: dict[str, Any] = value_of(told)
    return facts


def _error(job: Job) -> PaperError | None:
    if job.standing.status is Status.CANCELLED:
        return PaperError(code="cancelled", message="The request was cancelled.")
    if job.error is None or job.standing.status is not Status.FAILED:
        return None
    return PaperError(code=job.error["code"], message=job.error["message"])
