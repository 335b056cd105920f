"""Jobs with their outputs, and how many of them each owner has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from imagemill.database import Connection, Row
from imagemill.errors import NotFound
from imagemill.jobs.job import Job, Listing, Output, Place, Terms
from imagemill.jobs.records.results import result_of
from imagemill.jobs.states import Standing, Status
from imagemill.jobs.turns import priority_of

_ADD = """
INSERT INTO jobs (id, owner, type, status, image_id, storage_key, pictures, digests, request_id,
                  traceparent, key_id, pixels, origin_url,
                  created_at, finished_at, lane, max_retries, timeout_s, deadline_at,
                  batch_id, position, replay_of, webhook_url)
VALUES (:id, :owner, :type, :status, :image_id, :storage_key, :pictures, :digests, :request_id,
        :traceparent, :key_id, :pixels, :origin_url,
        :created_at, :finished_at, :lane, :max_retries, :timeout_s, :deadline_at,
        :batch_id, :position, :replay_of, :webhook_url)
"""
_ADD_OUTPUT = """
INSERT INTO job_outputs (job_id, position, name, steps, work_key, storage_key, is_cached)
VALUES (:job_id, :position, :name, :steps, :work_key, :storage_key, :is_cached)
"""
_COUNT = """
INSERT INTO owners (owner, unfinished) VALUES (:owner, :more)
ON CONFLICT (owner) DO UPDATE SET unfinished = owners.unfinished + excluded.unfinished
"""
_UNFINISHED = "SELECT unfinished FROM owners WHERE owner = :owner"
_ALL_UNFINISHED = "SELECT coalesce(sum(unfinished), 0) AS jobs FROM owners"
_JOB = "SELECT * FROM jobs WHERE id = :id"
_OUTPUTS = """
SELECT o.name, o.steps, o.work_key AS output_work_key, o.storage_key AS output_storage_key,
       o.is_cached, r.*
FROM job_outputs o LEFT JOIN results r ON r.storage_key = o.storage_key
WHERE o.job_id = :id ORDER BY o.position
"""
_MOVE = """
UPDATE jobs SET status = :status, attempt = :attempt, failures = :failures, crashes = :crashes,
       lost = :lost, rests_until = :rests_until, announced_at = NULL, started_at = :started_at,
       attempt_at = :attempt_at, worker = :worker, progress = :progress, deadline_at = :deadline_at,
       finished_at = :finished_at, lease_id = :lease_id, lease_until = :lease_until,
       error = :error, work = :work
WHERE id = :id
"""
_FEED = """
UPDATE jobs SET image_id = :image_id, storage_key = :storage_key, pictures = :pictures,
       digests = :digests, pixels = :pixels
WHERE id = :id
"""
_FEED_OUTPUT = """
UPDATE job_outputs SET steps = :steps, work_key = :work_key, storage_key = :storage_key,
       is_cached = :is_cached
WHERE job_id = :job_id AND position = :position
"""
_BEAT = """
UPDATE jobs SET lease_until = :until
WHERE id = :id AND lease_id = :lease_id AND status = 'processing'
RETURNING progress
"""
_PROGRESS = "UPDATE jobs SET progress = :progress WHERE id = :id"
_LEASES_ENDED = """
SELECT id FROM jobs WHERE status = 'processing' AND lease_until < :now LIMIT :most
"""
_PROCESSING = "SELECT count(*) AS jobs FROM jobs WHERE status = 'processing'"
_OVERDUE = "SELECT id FROM jobs WHERE deadline_at <= :now ORDER BY deadline_at LIMIT :most"
_LIST = """
SELECT id FROM jobs
WHERE owner = :owner
  AND (:status = '' OR status = :status)
  AND (:type = '' OR type = :type)
  AND (:batch_id = '' OR batch_id = :batch_id)
  AND (:image_id = '' OR image_id = :image_id)
  AND (created_at, id) < (:before, :before_id)
ORDER BY created_at DESC, id DESC LIMIT :most
"""
_UNFINISHED_OF = """
SELECT id FROM jobs WHERE owner = :owner AND status IN ('queued', 'processing') LIMIT :most
"""
_ON_IMAGE = """
SELECT id FROM jobs
WHERE image_id = :image_id AND owner = :owner AND status IN ('queued', 'processing')
UNION
SELECT id FROM jobs
WHERE pictures <> '{}' AND status IN ('queued', 'processing')
  AND owner = :owner AND pictures LIKE :within
LIMIT :most
"""


def add(connection: Connection, jobs: Sequence[Job]) -> None:
    """Keep new jobs of one owner with their outputs, and count those that have not ended."""
    connection.execute_many(_ADD, [_row(job) for job in jobs])
    outputs = [_output_row(job.id, *each) for job in jobs for each in enumerate(job.outputs)]
    connection.execute_many(_ADD_OUTPUT, outputs)
    more = sum(not job.standing.status.is_final for job in jobs)
    if more:
        count(connection, jobs[0].owner, more)


def count(connection: Connection, owner: str, more: int) -> None:
    """Count an owner's unfinished jobs along."""
    connection.execute(_COUNT, {"owner": owner, "more": more})


def unfinished(connection: Connection, owner: str | None = None) -> int:
    """Tell how many jobs have not ended, of an owner or of all."""
    if owner is None:
        return int(connection.execute(_ALL_UNFINISHED)[0]["jobs"])
    rows = connection.execute(_UNFINISHED, {"owner": owner})
    return int(rows[0]["unfinished"]) if rows else 0


def get(connection: Connection, job_id: str, owner: str | None = None) -> Job:
    """Read a job; with `owner`, only if it is theirs. Raises `NotFound`."""
    rows = connection.execute(_JOB, {"id": job_id})
    if not rows or (owner is not None and rows[0]["owner"] != owner):
        raise NotFound("There is no such job.")
    return _job(rows[0], connection.execute(_OUTPUTS, {"id": job_id}))


def found(connection: Connection, ids: Iterable[str]) -> list[Job]:
    """Read jobs of any owner, those that are there."""
    return [
        _job(row, connection.execute(_OUTPUTS, {"id": each}))
        for each in ids
        for row in connection.execute(_JOB, {"id": each})
    ]


def move(connection: Connection, job: Job, *, lease_until: float | None = None) -> None:
    """Write where a job stands now."""
    row = {
        "id": job.id,
        **asdict(job.standing),
        "rests_until": job.rests_until,
        "started_at": job.started_at,
        "attempt_at": job.attempt_at,
        "worker": job.worker,
        "progress": job.progress,
        "deadline_at": job.terms.deadline_at,
        "finished_at": job.finished_at,
        "lease_id": job.lease_id,
        "lease_until": lease_until,
        "error": json.dumps(dict(job.error)) if job.error else None,
        "work": json.dumps(dict(job.work)) if job.work else None,
    }
    connection.execute(_MOVE, row)


def feed(connection: Connection, job: Job) -> None:
    """Write what a job will be worked on that was accepted before its images were there."""
    row = {
        "id": job.id,
        "image_id": job.image_id,
        "storage_key": job.storage_key,
        "pictures": json.dumps(dict(job.pictures)),
        "digests": json.dumps(dict(job.digests)),
        "pixels": job.pixels,
    }
    connection.execute(_FEED, row)
    outputs = [_output_row(job.id, *each) for each in enumerate(job.outputs)]
    connection.execute_many(
        _FEED_OUTPUT, [{k: v for k, v in each.items() if k != "name"} for each in outputs]
    )


def beat(connection: Connection, job_id: str, lease_id: str, until: float) -> int | None:
    """Extend a lease; tell the progress that was noted last, or None when it is held no more."""
    rows = connection.execute(_BEAT, {"id": job_id, "lease_id": lease_id, "until": until})
    return int(rows[0]["progress"]) if rows else None


def note_progress(connection: Connection, job_id: str, progress: int) -> None:
    """Keep how much of the newest attempt is done, in percent."""
    connection.execute(_PROGRESS, {"id": job_id, "progress": progress})
    connection.tell(job_id)


def listed(connection: Connection, owner: str, wanted: Listing) -> list[Job]:
    """Read an owner's jobs, the newest first; one more than asked for tells that there are more."""
    row = {**asdict(wanted), "owner": owner, "most": wanted.limit + 1}
    return [get(connection, each["id"]) for each in connection.execute(_LIST, row)]


def leases_ended(connection: Connection, now: float, most: int) -> list[str]:
    """List jobs whose worker has been silent for too long."""
    return _ids(connection.execute(_LEASES_ENDED, {"now": now, "most": most}))


def processing(connection: Connection) -> int:
    """Count the jobs that workers have in hand."""
    return int(connection.execute(_PROCESSING)[0]["jobs"])


def overdue(connection: Connection, now: float, most: int) -> list[str]:
    """List unfinished jobs whose deadline is over; a job that ends gives its deadline up."""
    return _ids(connection.execute(_OVERDUE, {"now": now, "most": most}))


def unfinished_of(connection: Connection, owner: str, most: int) -> list[str]:
    """List jobs of an owner that have not ended."""
    return _ids(connection.execute(_UNFINISHED_OF, {"owner": owner, "most": most}))


def on_image(connection: Connection, owner: str, image_id: str, most: int) -> list[str]:
    """List an owner's unfinished jobs that need an image, as original or as a further picture."""
    row = {"owner": owner, "image_id": image_id, "within": f'%"{image_id}"%', "most": most}
    return _ids(connection.execute(_ON_IMAGE, row))


def _ids(rows: Iterable[Row]) -> list[str]:
    return [row["id"] for row in rows]


def _row(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "owner": job.owner,
        "type": job.type,
        "status": job.standing.status,
        "image_id": job.image_id,
        "storage_key": job.storage_key,
        "pictures": json.dumps(dict(job.pictures)),
        "digests": json.dumps(dict(job.digests)),
        "request_id": job.request_id,
        "traceparent": job.traceparent,
        "key_id": job.key_id,
        "pixels": job.pixels,
        "origin_url": job.origin_url,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
        "lane": job.terms.priority.lane,
        "max_retries": job.terms.max_retries,
        "timeout_s": job.terms.timeout_s,
        "deadline_at": job.terms.deadline_at,
        "webhook_url": job.terms.webhook_url,
        **asdict(job.place),
    }


def _output_row(job_id: str, position: int, output: Output) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "position": position,
        "name": output.name,
        "steps": json.dumps(output.steps),
        "work_key": output.work_key,
        "storage_key": output.storage_key,
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
        digests=json.loads(row["digests"]),
        outputs=tuple(_output(each) for each in outputs),
        created_at=row["created_at"],
        terms=Terms(
            priority=priority_of(row["lane"]),
            max_retries=row["max_retries"],
            timeout_s=row["timeout_s"],
            deadline_at=row["deadline_at"],
            webhook_url=row["webhook_url"],
        ),
        place=Place(row["batch_id"], row["position"], row["replay_of"]),
        request_id=row["request_id"],
        traceparent=row["traceparent"],
        key_id=row["key_id"],
        pixels=row["pixels"],
        origin_url=row["origin_url"],
        rests_until=row["rests_until"],
        started_at=row["started_at"],
        attempt_at=row["attempt_at"],
        worker=row["worker"],
        progress=row["progress"],
        finished_at=row["finished_at"],
        lease_id=row["lease_id"],
        error=json.loads(row["error"]) if row["error"] else None,
        work=json.loads(row["work"]) if row["work"] else {},
        expired_at=row["expired_at"],
    )


def _output(row: Row) -> Output:
    return Output(
        name=row["name"],
        steps=json.loads(row["steps"]),
        work_key=row["output_work_key"],
        storage_key=row["output_storage_key"],
        result=result_of(row) if row["storage_key"] else None,
        is_cached=bool(row["is_cached"]),
    )
