"""The facts of an event that people are told: read from what is told of it to programs too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

_ENDED: Final = ("completed", "failed", "cancelled")


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


def facts_of(type_: str, data: Mapping[str, Any]) -> Facts:
    """Read the facts of an event from its data: a job, a batch or an image as its owner sees it.

    What is not there is left out, for a job may be gone by the time that somebody is told.
    """
    if type_.startswith("batch."):
        return _of_batch(type_, data)
    if type_.startswith("image."):
        return _of_image(type_, data)
    return _of_job(type_, data)


def _of_job(type_: str, data: Mapping[str, Any]) -> Facts:
    job_id = str(data.get("job_id", ""))
    return Facts(
        type=type_,
        id=job_id,
        path=f"/api/v1/jobs/{job_id}" if job_id else "",
        what=str(data.get("type") or ""),
        reason=reason_of(data),
        results=tuple(_results(data.get("outputs") or {})),
    )


def _of_batch(type_: str, data: Mapping[str, Any]) -> Facts:
    batch_id = str(data.get("batch_id", ""))
    return Facts(
        type=type_,
        id=batch_id,
        path=f"/api/v1/batches/{batch_id}",
        counts={each: int(data.get(each) or 0) for each in _ENDED},
    )


def _of_image(type_: str, data: Mapping[str, Any]) -> Facts:
    image_id = str(data.get("image_id", ""))
    return Facts(
        type=type_,
        id=image_id,
        path=f"/api/v1/images/{image_id}",
        what=str(data.get("name") or ""),
        reason=reason_of(data),
    )


def reason_of(data: Mapping[str, Any]) -> str:
    """Give what says why something failed: a sentence, or a code; empty where nothing does."""
    error = data.get("error")
    if not isinstance(error, Mapping):
        return str(data.get("code") or "")
    return str(error.get("detail") or error.get("message") or error.get("code") or "")


def _results(outputs: Mapping[str, Mapping[str, Any]]) -> Iterator[Result]:
    for name, each in outputs.items():
        if each.get("url") and each.get("format"):
            yield Result(
                name=name,
                path=urlsplit(str(each["url"])).path,
                format=str(each["format"]),
                width=each.get("width"),
                height=each.get("height"),
                size_bytes=int(each.get("size_bytes") or 0),
            )
