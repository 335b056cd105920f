"""The history of every job: its attempts that have ended."""

from __future__ import annotations

import json
from dataclasses import asdict

from imagemill.database import Connection
from imagemill.jobs.job import Attempt
from imagemill.jobs.states import Outcome

_ADD = """
INSERT INTO attempts (job_id, number, worker, started_at, ended_at, outcome, error)
VALUES (:job_id, :number, :worker, :started_at, :ended_at, :outcome, :error)
"""
_OF_JOB = "SELECT * FROM attempts WHERE job_id = :job_id ORDER BY number"


def add(connection: Connection, attempt: Attempt) -> None:
    """Write down how an attempt ended."""
    error = json.dumps(dict(attempt.error)) if attempt.error else None
    connection.execute(_ADD, {**asdict(attempt), "error": error})


def of_job(connection: Connection, job_id: str) -> list[Attempt]:
    """Read a job's attempts that have ended, the first one first."""
    return [
        Attempt(
            job_id=row["job_id"],
            number=row["number"],
            worker=row["worker"],
            started_at=row["started_at"],
            ended_at=row["ended_at"],
            outcome=Outcome(row["outcome"]),
            error=json.loads(row["error"]) if row["error"] else None,
        )
        for row in connection.execute(_OF_JOB, {"job_id": job_id})
    ]
