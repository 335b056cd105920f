"""The log of events: what happened to every job and batch, with a number that only grows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from imagemill.contracts.jobs import JobEvent
from imagemill.database import Connection, Row
from imagemill.jobs.job import Batch, Event, Job

_ADD = """
INSERT INTO events (job_id, owner, type, at, batch_id, data)
VALUES (:job_id, :owner, :type, :at, :batch_id, :data)
"""
_OF_JOB = "SELECT * FROM events WHERE job_id = :id AND seq > :after ORDER BY seq LIMIT :most"
_OF_BATCH = "SELECT * FROM events WHERE batch_id = :id AND seq > :after ORDER BY seq LIMIT :most"
_LOG = """
SELECT e.*, coalesce(j.webhook_url, b.webhook_url) AS webhook_url, j.traceparent,
       coalesce(j.request_id, b.request_id) AS request_id
FROM events e
LEFT JOIN jobs j ON j.id = e.job_id
LEFT JOIN batches b ON e.job_id = '' AND b.id = e.batch_id
WHERE e.seq > :after ORDER BY e.seq LIMIT :most
"""


def add(
    connection: Connection,
    job: Job,
    type_: str,
    at: float,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Write down what happened to a job."""
    connection.execute(_ADD, _row(job.id, job.owner, type_, at, job.place.batch_id, data))
    _tell(connection, job)


def add_many(connection: Connection, jobs: Sequence[Job], type_: str, at: float) -> None:
    """Write down what happened to several jobs at the same moment."""
    rows = [_row(job.id, job.owner, type_, at, job.place.batch_id, None) for job in jobs]
    connection.execute_many(_ADD, rows)
    for job in jobs:
        _tell(connection, job)


def add_of_batch(connection: Connection, batch: Batch, type_: str, at: float) -> None:
    """Write down what happened to a batch."""
    connection.execute(_ADD, _row("", batch.owner, type_, at, batch.id, None))
    connection.tell(batch.id)


def of_job(connection: Connection, job_id: str, after: int, most: int) -> list[Event]:
    """Read what happened to a job after an event, in order."""
    rows = connection.execute(_OF_JOB, {"id": job_id, "after": after, "most": most})
    return [_event(row) for row in rows]


def of_batch(connection: Connection, batch_id: str, after: int, most: int) -> list[Event]:
    """Read what happened to a batch and to its jobs after an event, in order."""
    rows = connection.execute(_OF_BATCH, {"id": batch_id, "after": after, "most": most})
    return [_event(row) for row in rows]


def log(connection: Connection, after: int, most: int) -> list[JobEvent]:
    """Read what happened to everything after an event, in order."""
    rows = connection.execute(_LOG, {"after": after, "most": most})
    return [
        JobEvent(
            id=row["seq"],
            type=row["type"],
            job_id=row["job_id"],
            batch_id=row["batch_id"],
            owner=row["owner"],
            at=row["at"],
            webhook_url=row["webhook_url"],
            traceparent=row["traceparent"],
            request_id=row["request_id"],
        )
        for row in rows
    ]


def _tell(connection: Connection, job: Job) -> None:
    """Wake who waits in other processes for a job or for its batch."""
    connection.tell(job.id)
    if job.place.batch_id is not None:
        connection.tell(job.place.batch_id)


def _row(
    job_id: str,
    owner: str,
    type_: str,
    at: float,
    batch_id: str | None,
    data: Mapping[str, Any] | None,
) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "owner": owner,
        "type": type_,
        "at": at,
        "batch_id": batch_id,
        "data": json.dumps(dict(data)) if data else None,
    }


def _event(row: Row) -> Event:
    return Event(
        id=row["seq"],
        job_id=row["job_id"],
        type=row["type"],
        at=row["at"],
        batch_id=row["batch_id"],
        data=json.loads(row["data"]) if row["data"] else {},
    )
