"""Batches: how many of their items have ended, and which items never became a job."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from imagemill.database import Connection, Row
from imagemill.errors import NotFound
from imagemill.jobs.job import Batch

_ADD = """
INSERT INTO batches (id, owner, created_at, finished_at, total, completed, failed, cancelled,
                     replay_of, request_id)
VALUES (:id, :owner, :created_at, :finished_at, :total, :completed, :failed, :cancelled,
        :replay_of, :request_id)
"""
_ADD_REFUSAL = """
INSERT INTO batch_refusals (batch_id, position, name, error)
VALUES (:batch_id, :position, :name, :error)
"""
_GET = "SELECT * FROM batches WHERE id = :id"
_COUNT = """
UPDATE batches SET completed = completed + :completed, failed = failed + :failed,
       cancelled = cancelled + :cancelled
WHERE id = :id RETURNING *
"""
_FINISH = "UPDATE batches SET finished_at = :now WHERE id = :id"
_REFUSALS = """
SELECT * FROM batch_refusals WHERE batch_id = :batch_id AND position > :after
ORDER BY position LIMIT :most
"""
_ITEMS = """
SELECT id, position FROM jobs
WHERE batch_id = :batch_id AND position > :after AND (:status = '' OR status = :status)
ORDER BY position LIMIT :most
"""
_PROCESSING = """
SELECT count(*) AS jobs FROM jobs WHERE batch_id = :batch_id AND status = 'processing'
"""
_LIST = """
SELECT * FROM batches
WHERE owner = :owner AND (created_at, id) < (:before, :before_id)
ORDER BY created_at DESC, id DESC LIMIT :most
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An item whose picture was refused."""

    position: int
    name: str | None
    """What its sender called the file."""
    error: Mapping[str, Any]
    """`code`, `message`, `limit`."""


def add(connection: Connection, batch: Batch, refusals: Sequence[Refusal] = ()) -> None:
    """Keep a new batch, with the items that never become jobs."""
    connection.execute(_ADD, asdict(batch))
    rows = [
        {
            "batch_id": batch.id,
            "position": each.position,
            "name": each.name,
            "error": json.dumps(dict(each.error)),
        }
        for each in refusals
    ]
    connection.execute_many(_ADD_REFUSAL, rows)


def get(connection: Connection, batch_id: str, owner: str) -> Batch:
    """Read an owner's batch; raises `NotFound`."""
    rows = connection.execute(_GET, {"id": batch_id})
    if not rows or rows[0]["owner"] != owner:
        raise NotFound("There is no such batch.")
    return _batch(rows[0])


def found(connection: Connection, ids: Iterable[str]) -> list[Batch]:
    """Read batches of any owner, those that are there."""
    return [_batch(row) for each in ids for row in connection.execute(_GET, {"id": each})]


def count(
    connection: Connection,
    batch_id: str,
    *,
    completed: int = 0,
    failed: int = 0,
    cancelled: int = 0,
) -> Batch:
    """Count items that have ended; give the batch as it stands then."""
    row = {"id": batch_id, "completed": completed, "failed": failed, "cancelled": cancelled}
    return _batch(connection.execute(_COUNT, row)[0])


def finish(connection: Connection, batch_id: str, now: float) -> None:
    """Note that the last item has ended."""
    connection.execute(_FINISH, {"id": batch_id, "now": now})


def refusals(connection: Connection, batch_id: str, after: int, most: int) -> list[Refusal]:
    """Read items that never became a job, from a position on."""
    row = {"batch_id": batch_id, "after": after, "most": most}
    return [
        Refusal(each["position"], each["name"], json.loads(each["error"]))
        for each in connection.execute(_REFUSALS, row)
    ]


def items(
    connection: Connection, batch_id: str, after: int, most: int, status: str = ""
) -> list[str]:
    """List the ids of a batch's jobs, in the order of the items, from a position on."""
    row = {"batch_id": batch_id, "after": after, "most": most, "status": status}
    return [each["id"] for each in connection.execute(_ITEMS, row)]


def processing(connection: Connection, batch_id: str) -> int:
    """Count the batch's jobs that workers have in hand."""
    return int(connection.execute(_PROCESSING, {"batch_id": batch_id})[0]["jobs"])


def listed(
    connection: Connection, owner: str, before: float, before_id: str, most: int
) -> list[Batch]:
    """Read an owner's batches, the newest first."""
    row = {"owner": owner, "before": before, "before_id": before_id, "most": most}
    return [_batch(each) for each in connection.execute(_LIST, row)]


def _batch(row: Row) -> Batch:
    return Batch(
        id=row["id"],
        owner=row["owner"],
        created_at=row["created_at"],
        total=row["total"],
        completed=row["completed"],
        failed=row["failed"],
        cancelled=row["cancelled"],
        finished_at=row["finished_at"],
        replay_of=row["replay_of"],
        request_id=row["request_id"],
    )
