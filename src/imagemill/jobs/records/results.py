"""Stored results: which there are, which outputs point at them, and which are to be removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from imagemill.database import Connection, Row
from imagemill.jobs.job import Result

_OF_WORK = "SELECT * FROM results WHERE work_key = :work_key ORDER BY created_at DESC LIMIT 1"
_KEEP = """
INSERT INTO results (storage_key, work_key, format, media_type, width, height, frames, size_bytes,
                     sha256, milliseconds, created_at)
VALUES (:storage_key, :work_key, :format, :media_type, :width, :height, :frames, :size_bytes,
        :sha256, :milliseconds, :created_at)
ON CONFLICT (storage_key) DO UPDATE SET size_bytes = excluded.size_bytes,
    sha256 = excluded.sha256, milliseconds = excluded.milliseconds,
    created_at = excluded.created_at
"""
_POINT = """
UPDATE job_outputs SET storage_key = :storage_key WHERE job_id = :job_id AND name = :name
"""
_THERE = "SELECT 1 FROM results WHERE storage_key = :storage_key"
_DROP_WRONG = """
DELETE FROM results WHERE storage_key = :storage_key AND sha256 = :sha256 RETURNING storage_key
"""
_REBUILD = """
INSERT INTO rebuilds (storage_key, job_id) VALUES (:storage_key, :job_id)
ON CONFLICT (storage_key) DO UPDATE SET job_id = excluded.job_id
"""
_REBUILT_BY = "SELECT job_id FROM rebuilds WHERE storage_key = :storage_key"
_NO_GARBAGE = "DELETE FROM garbage WHERE storage_key = :storage_key"
_REBUILT = "DELETE FROM rebuilds WHERE job_id = :job_id RETURNING storage_key"
_FOLLOW = "UPDATE job_outputs SET storage_key = :storage_key WHERE storage_key = :old"
_OLD_TO_GARBAGE = """
INSERT INTO garbage (storage_key, at) VALUES (:old, :now) ON CONFLICT (storage_key) DO NOTHING
"""


def of_work(connection: Connection, work_keys: Mapping[str, str]) -> dict[str, Result]:
    """Find the newest stored result of each very work, by the names of the keys."""
    found = {
        name: connection.execute(_OF_WORK, {"work_key": key}) for name, key in work_keys.items()
    }
    return {name: result_of(rows[0]) for name, rows in found.items() if rows}


def is_there(connection: Connection, storage_key: str) -> bool:
    """Tell whether a result is still kept under a key."""
    return bool(connection.execute(_THERE, {"storage_key": storage_key}))


def keep(connection: Connection, job_id: str, results: Mapping[str, Result]) -> None:
    """Record stored results, by output name, and let the job's outputs point at them."""
    for name, result in results.items():
        key = {"storage_key": result.storage_key}
        connection.execute(_KEEP, asdict(result))
        connection.execute(_POINT, {"job_id": job_id, "name": name, **key})
        connection.execute(_NO_GARBAGE, key)
    rebuilt = [row["storage_key"] for row in connection.execute(_REBUILT, {"job_id": job_id})]
    for old in rebuilt:
        _follow(connection, old, next(iter(results.values())))


def drop_wrong(connection: Connection, result: Result) -> bool:
    """Forget a result whose bytes are wrong; False when that was done before."""
    row = {"storage_key": result.storage_key, "sha256": result.sha256}
    return bool(connection.execute(_DROP_WRONG, row))


def rebuild(connection: Connection, storage_key: str, job_id: str) -> None:
    """Note which job makes a result anew."""
    connection.execute(_REBUILD, {"storage_key": storage_key, "job_id": job_id})


def rebuilt_by(connection: Connection, storage_key: str) -> str | None:
    """Tell which job made or makes a result anew; None when none ever did."""
    rows = connection.execute(_REBUILT_BY, {"storage_key": storage_key})
    return str(rows[0]["job_id"]) if rows else None


def result_of(row: Row) -> Result:
    """Read a row of `results`, or one joined with it."""
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


def _follow(connection: Connection, old: str, result: Result) -> None:
    """Let every job that had a wrong result have the one that was made anew.

    Its key may be another: a picture is decoded smaller for one output than for several.
    """
    if old != result.storage_key:
        connection.execute(_FOLLOW, {"storage_key": result.storage_key, "old": old})
        connection.execute(_OLD_TO_GARBAGE, {"old": old, "now": result.created_at})
