"""The rows of the jobs service and every statement on them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from imagemill.contracts.jobs import JobEvent
from imagemill.database import Connection, Row
from imagemill.errors import NotFound
from imagemill.jobs.job import Event, Job, Listing, Output, Result
from imagemill.jobs.states import Standing, Status

_ADD_JOB = """
INSERT INTO jobs (id, owner, type, status, image_id, storage_key, pictures, request_id,
                  created_at, due_at, announced_at, finished_at)
VALUES (:id, :owner, :type, :status, :image_id, :storage_key, :pictures, :request_id,
        :created_at, :due_at, :announced_at, :finished_at)
"""
_ADD_OUTPUT = """
INSERT INTO job_outputs (job_id, position, name, steps, work_key, storage_key, is_cached)
VALUES (:job_id, :position, :name, :steps, :work_key, :storage_key, :is_cached)
"""
_JOB = "SELECT * FROM jobs WHERE id = :id"
_OUTPUTS = """
SELECT o.name, o.steps, o.work_key AS output_work_key, o.is_cached, r.*
FROM job_outputs o LEFT JOIN results r ON r.storage_key = o.storage_key
WHERE o.job_id = :id ORDER BY o.position
"""
_MOVE = """
UPDATE jobs SET status = :status, attempt = :attempt, failures = :failures, crashes = :crashes,
       lost = :lost, due_at = :due_at, announced_at = :announced_at, started_at = :started_at,
       finished_at = :finished_at, lease_id = :lease_id, lease_until = :lease_until,
       error = :error, work = :work
WHERE id = :id
"""
_BEAT = """
UPDATE jobs SET lease_until = :until
WHERE id = :id AND lease_id = :lease_id AND status = 'processing'
RETURNING id
"""
_SET_RESULT = """
UPDATE job_outputs SET storage_key = :storage_key WHERE job_id = :job_id AND name = :name
"""
_RESULT_OF_WORK = """
SELECT * FROM results WHERE work_key = :work_key ORDER BY created_at DESC LIMIT 1
"""
_KEEP_RESULT = """
INSERT INTO results (storage_key, work_key, format, media_type, width, height, frames, size_bytes,
                     sha256, milliseconds, created_at)
VALUES (:storage_key, :work_key, :format, :media_type, :width, :height, :frames, :size_bytes,
        :sha256, :milliseconds, :created_at)
ON CONFLICT (storage_key) DO UPDATE SET size_bytes = excluded.size_bytes,
    sha256 = excluded.sha256, milliseconds = excluded.milliseconds,
    created_at = excluded.created_at
"""
_ADD_EVENT = "INSERT INTO events (job_id, owner, type, at) VALUES (:job_id, :owner, :type, :at)"
_ADD_TO_OUTBOX = "INSERT INTO outbox (topic, body) VALUES (:topic, :body)"
_OUTBOX = "SELECT id, topic, body FROM outbox ORDER BY id LIMIT :most"
_DROP_FROM_OUTBOX = "DELETE FROM outbox WHERE id = :id"
_LEASES_ENDED = """
SELECT id FROM jobs WHERE status = 'processing' AND lease_until < :now LIMIT :most
"""
_UNHEARD = """
SELECT id FROM jobs
WHERE status = 'queued' AND due_at <= :now AND (announced_at IS NULL OR announced_at < :before)
ORDER BY due_at LIMIT :most
"""
_ANNOUNCED = "UPDATE jobs SET announced_at = :now WHERE id = :id"
_EVENTS = "SELECT * FROM events WHERE job_id = :job_id AND seq > :after ORDER BY seq LIMIT :most"
_LOG = "SELECT * FROM events WHERE seq > :after ORDER BY seq LIMIT :most"
_LIST = """
SELECT id FROM jobs
WHERE owner = :owner
  AND (:status = '' OR status = :status)
  AND (:type = '' OR type = :type)
  AND (created_at, id) < (:before, :before_id)
ORDER BY created_at DESC, id DESC LIMIT :most
"""


def add(connection: Connection, job: Job) -> None:
    """Keep a new job with its outputs."""
    status = job.standing.status
    row = {
        "id": job.id,
        "owner": job.owner,
        "type": job.type,
        "status": status,
        "image_id": job.image_id,
        "storage_key": job.storage_key,
        "pictures": json.dumps(dict(job.pictures)),
        "request_id": job.request_id,
        "created_at": job.created_at,
        "due_at": job.due_at,
        "announced_at": job.created_at,
        "finished_at": job.finished_at,
    }
    connection.execute(_ADD_JOB, row)
    connection.execute_many(
        _ADD_OUTPUT, [_output_row(job.id, *each) for each in enumerate(job.outputs)]
    )


def get(connection: Connection, job_id: str, owner: str | None = None) -> Job:
    """Read a job; with `owner`, only if it is theirs. Raises `NotFound`."""
    rows = connection.execute(_JOB, {"id": job_id})
    if not rows or (owner is not None and rows[0]["owner"] != owner):
        raise NotFound("There is no such job.")
    return _job(rows[0], connection.execute(_OUTPUTS, {"id": job_id}))


def move(connection: Connection, job: Job, *, lease_until: float | None = None) -> None:
    """Write where a job stands now."""
    row = {
        "id": job.id,
        **asdict(job.standing),
        "due_at": job.due_at,
        "announced_at": None,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "lease_id": job.lease_id,
        "lease_until": lease_until,
        "error": json.dumps(dict(job.error)) if job.error else None,
        "work": json.dumps(dict(job.work)) if job.work else None,
    }
    connection.execute(_MOVE, row)


def beat(connection: Connection, job_id: str, lease_id: str, until: float) -> bool:
    """Extend a lease; tell whether it was still held."""
    row = {"id": job_id, "lease_id": lease_id, "until": until}
    return bool(connection.execute(_BEAT, row))


def results_of_work(connection: Connection, work_keys: Mapping[str, str]) -> dict[str, Result]:
    """Find the newest stored result of each very work, by the names of the keys."""
    found = {
        name: connection.execute(_RESULT_OF_WORK, {"work_key": key})
        for name, key in work_keys.items()
    }
    return {name: _result(rows[0]) for name, rows in found.items() if rows}


def keep_results(connection: Connection, job_id: str, results: Mapping[str, Result]) -> None:
    """Record stored results, by output name, and let the job's outputs point at them."""
    for name, result in results.items():
        connection.execute(_KEEP_RESULT, asdict(result))
        row = {"job_id": job_id, "name": name, "storage_key": result.storage_key}
        connection.execute(_SET_RESULT, row)


def add_event(connection: Connection, job: Job, type_: str, at: float) -> None:
    """Write down what happened to a job; the number that it gets only grows."""
    row = {"job_id": job.id, "owner": job.owner, "type": type_, "at": at}
    connection.execute(_ADD_EVENT, row)


def add_to_outbox(connection: Connection, topic: str, body: bytes) -> None:
    """Let the relay publish a message after this transaction."""
    connection.execute(_ADD_TO_OUTBOX, {"topic": topic, "body": body})


def next_in_outbox(
    connection: Connection, published: Iterable[int], most: int
) -> list[tuple[int, str, bytes]]:
    """Forget messages that the queue has; read (id, topic, body) of those that wait, in order."""
    connection.execute_many(_DROP_FROM_OUTBOX, [{"id": each} for each in published])
    rows = connection.execute(_OUTBOX, {"most": most})
    return [(row["id"], row["topic"], row["body"]) for row in rows]


def events(connection: Connection, job_id: str, after: int, most: int) -> list[Event]:
    """Read what happened to a job after an event, in order."""
    rows = connection.execute(_EVENTS, {"job_id": job_id, "after": after, "most": most})
    return [Event(row["seq"], row["job_id"], row["type"], row["at"]) for row in rows]


def log(connection: Connection, after: int, most: int) -> list[JobEvent]:
    """Read what happened to all jobs after an event, in order."""
    rows = connection.execute(_LOG, {"after": after, "most": most})
    return [
        JobEvent(
            id=row["seq"], type=row["type"], job_id=row["job_id"], owner=row["owner"], at=row["at"]
        )
        for row in rows
    ]


def listed(connection: Connection, owner: str, wanted: Listing) -> list[Job]:
    """Read an owner's jobs, the newest first; one more than asked for tells that there are more."""
    rows = connection.execute(
        _LIST,
        {
            "owner": owner,
            "status": wanted.status,
            "type": wanted.type,
            "before": wanted.before,
            "before_id": wanted.before_id,
            "most": wanted.limit + 1,
        },
    )
    return [get(connection, row["id"]) for row in rows]


def leases_ended(connection: Connection, now: float, most: int) -> list[str]:
    """List jobs whose worker has been silent for too long."""
    rows = connection.execute(_LEASES_ENDED, {"now": now, "most": most})
    return [row["id"] for row in rows]


def unheard(connection: Connection, now: float, before: float, most: int) -> list[str]:
    """List jobs that are due, wait, and were not announced since `before`."""
    rows = connection.execute(_UNHEARD, {"now": now, "before": before, "most": most})
    return [row["id"] for row in rows]


def announced(connection: Connection, job_id: str, now: float) -> None:
    """Note that a message about the job lies in the outbox."""
    connection.execute(_ANNOUNCED, {"id": job_id, "now": now})


def _output_row(job_id: str, position: int, output: Output) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "position": position,
        "name": output.name,
        "steps": json.dumps(output.steps),
        "work_key": output.work_key,
        "storage_key": output.result.storage_key if output.result else None,
        "is_cached": int(output.is_cached),
    }


def _job(row: Row, outputs: Iterable[Row]) -> Job:
    return Job(
        id=row["id"],
        owner=row["owner"],
        type=row["type"],
        standing=Standing(
            status=Status(row["status"]),
            attempt=row["attempt"],
            failures=row["failures"],
            crashes=row["crashes"],
            lost=row["lost"],
        ),
        image_id=row["image_id"],
        storage_key=row["storage_key"],
        pictures=json.loads(row["pictures"]),
        outputs=tuple(_output(each) for each in outputs),
        created_at=row["created_at"],
        due_at=row["due_at"],
        request_id=row["request_id"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        lease_id=row["lease_id"],
        error=json.loads(row["error"]) if row["error"] else None,
        work=json.loads(row["work"]) if row["work"] else {},
    )


def _output(row: Row) -> Output:
    return Output(
        name=row["name"],
        steps=json.loads(row["steps"]),
        work_key=row["output_work_key"],
        result=_result(row) if row["storage_key"] else None,
        is_cached=bool(row["is_cached"]),
    )


def _result(row: Row) -> Result:
    return Result(
        storage_key=row["storage_key"],
        work_key=row["work_key"],
        format=row["format"],
        media_type=row["media_type"],
        width=row["width"],
        height=row["height"],
        frames=row["frames"],
        size_bytes=row["size_bytes"],
        sha256=row["sha256"],
        milliseconds=row["milliseconds"],
        created_at=row["created_at"],
    )
