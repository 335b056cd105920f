"""What is kept no longer: results that no job points at any more, and jobs that ended long ago."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from imagemill.database import Connection
from imagemill.jobs.records import public

_EXPIRED = """
SELECT id FROM jobs
WHERE finished_at < :before AND finished_at IS NOT NULL AND expired_at IS NULL
ORDER BY finished_at LIMIT :most
"""
_ENDED = """
SELECT id FROM jobs WHERE finished_at < :before ORDER BY finished_at LIMIT :most
"""
_MARK = "UPDATE jobs SET expired_at = :now WHERE id = :job_id"
_KEYS = """
SELECT storage_key FROM job_outputs WHERE job_id = :job_id AND storage_key IS NOT NULL
"""
_LET_GO = "UPDATE job_outputs SET storage_key = NULL WHERE job_id = :job_id"
_USED = "SELECT 1 FROM job_outputs WHERE storage_key = :storage_key LIMIT 1"
_DROP_RESULT = "DELETE FROM results WHERE storage_key = :storage_key"
_TO_GARBAGE = """
INSERT INTO garbage (storage_key, at) VALUES (:storage_key, :now)
ON CONFLICT (storage_key) DO NOTHING
"""
_GARBAGE = "SELECT storage_key FROM garbage ORDER BY at LIMIT :most"
_KEPT = "SELECT 1 FROM results WHERE storage_key = :storage_key"
_REMOVED = "DELETE FROM garbage WHERE storage_key = :storage_key"
_FORGET: Final = (
    "DELETE FROM events WHERE job_id = :job_id",
    "DELETE FROM attempts WHERE job_id = :job_id",
    "DELETE FROM dead_letters WHERE job_id = :job_id",
    public.FORGET,
    "DELETE FROM job_outputs WHERE job_id = :job_id",
    "DELETE FROM waits WHERE job_id = :job_id",
    "DELETE FROM jobs WHERE id = :job_id",
)

_ENDED_BATCHES = """
SELECT id FROM batches WHERE finished_at < :before ORDER BY finished_at LIMIT :most
"""
_FORGET_BATCH: Final = (
    "DELETE FROM events WHERE batch_id = :batch_id AND job_id = ''",
    "DELETE FROM batch_refusals WHERE batch_id = :batch_id",
    "DELETE FROM batches WHERE id = :batch_id",
)
_ENDED_OF_OWNER = """
SELECT id FROM jobs WHERE owner = :owner AND status NOT IN ('queued', 'processing') LIMIT :most
"""
_BATCHES_OF_OWNER = "SELECT id FROM batches WHERE owner = :owner LIMIT :most"
_FORGET_OWNER: Final = (
    "DELETE FROM preset_versions WHERE owner = :owner",
    "DELETE FROM presets WHERE owner = :owner",
    "DELETE FROM idempotency WHERE owner = :owner",
    "DELETE FROM usage WHERE owner = :owner",
    "DELETE FROM owners WHERE owner = :owner",
)


def expire_results(connection: Connection, before: float, now: float, most: int) -> None:
    """Let jobs that ended before a time go without their results.

    A result goes with the last job that points at it.
    """
    for row in connection.execute(_EXPIRED, {"before": before, "most": most}):
        _let_go(connection, row["id"], now)
        connection.execute(_MARK, {"job_id": row["id"], "now": now})


def forget_jobs(connection: Connection, before: float, now: float, most: int) -> None:
    """Remove jobs and batches that ended before a time, with all that is kept about them."""
    for row in connection.execute(_ENDED, {"before": before, "most": most}):
        _forget_job(connection, row["id"], now)
    for row in connection.execute(_ENDED_BATCHES, {"before": before, "most": most}):
        _forget_batch(connection, row["id"])


def forget_some_of(connection: Connection, owner: str, now: float, most: int) -> bool:
    """Remove some of an owner's jobs that have ended; False when there were none."""
    found = connection.execute(_ENDED_OF_OWNER, {"owner": owner, "most": most})
    for row in found:
        _forget_job(connection, row["id"], now)
    return bool(found)


def forget_rest_of(connection: Connection, owner: str, most: int) -> bool:
    """Remove what an owner without jobs has left; True when batches may be left even then."""
    found = connection.execute(_BATCHES_OF_OWNER, {"owner": owner, "most": most})
    for row in found:
        _forget_batch(connection, row["id"])
    for statement in _FORGET_OWNER:
        connection.execute(statement, {"owner": owner})
    return bool(found)


def garbage(connection: Connection, most: int) -> list[str]:
    """List storage keys of objects that are to be removed."""
    return [row["storage_key"] for row in connection.execute(_GARBAGE, {"most": most})]


def unnamed(connection: Connection, keys: Sequence[str]) -> list[str]:
    """Leave out the keys under which a result has been made anew."""
    return [key for key in keys if not connection.execute(_KEPT, {"storage_key": key})]


def removed(connection: Connection, keys: Sequence[str]) -> None:
    """Note that objects are gone."""
    connection.execute_many(_REMOVED, [{"storage_key": key} for key in keys])


def _forget_job(connection: Connection, job_id: str, now: float) -> None:
    _let_go(connection, job_id, now)
    for statement in _FORGET:
        connection.execute(statement, {"job_id": job_id})


def _forget_batch(connection: Connection, batch_id: str) -> None:
    for statement in _FORGET_BATCH:
        connection.execute(statement, {"batch_id": batch_id})


def _let_go(connection: Connection, job_id: str, now: float) -> None:
    keys = [row["storage_key"] for row in connection.execute(_KEYS, {"job_id": job_id})]
    connection.execute(_LET_GO, {"job_id": job_id})
    for key in keys:
        if not connection.execute(_USED, {"storage_key": key}):
            connection.execute(_DROP_RESULT, {"storage_key": key})
            connection.execute(_TO_GARBAGE, {"storage_key": key, "now": now})
