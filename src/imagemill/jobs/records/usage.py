"""What each key used in a month: counted along in the transactions of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from imagemill.database import Connection

_ACCEPT = """
INSERT INTO usage (owner, month, key_id, jobs, completed)
VALUES (:owner, :month, :key_id, :jobs, :completed)
ON CONFLICT (owner, month, key_id) DO UPDATE SET
    jobs = usage.jobs + excluded.jobs, completed = usage.completed + excluded.completed
RETURNING jobs
"""
_END = """
INSERT INTO usage (owner, month, key_id, completed, failed, cancelled, outputs, pixels_in,
                   pixels_out, bytes_out, cpu_s)
VALUES (:owner, :month, :key_id, :completed, :failed, :cancelled, :outputs, :pixels_in,
        :pixels_out, :bytes_out, :cpu_s)
ON CONFLICT (owner, month, key_id) DO UPDATE SET
    completed = usage.completed + excluded.completed, failed = usage.failed + excluded.failed,
    cancelled = usage.cancelled + excluded.cancelled, outputs = usage.outputs + excluded.outputs,
    pixels_in = usage.pixels_in + excluded.pixels_in,
    pixels_out = usage.pixels_out + excluded.pixels_out,
    bytes_out = usage.bytes_out + excluded.bytes_out, cpu_s = usage.cpu_s + excluded.cpu_s
"""
_JOBS_OF_KEY = """
SELECT jobs FROM usage WHERE owner = :owner AND month = :month AND key_id = :key_id
"""
_JOBS_OF_OWNER = """
SELECT coalesce(sum(jobs), 0) AS jobs FROM usage WHERE owner = :owner AND month = :month
"""
_LIST = """
SELECT * FROM usage
WHERE owner = :owner AND month = :month AND (:key_id IS NULL OR key_id = :key_id)
ORDER BY key_id
"""
_ENDS: Final = ("completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Tally:
    """Where something is counted: for which key of which owner, and in which month."""

    owner: str
    month: str
    """Such as `2026-11`, UTC."""
    key_id: str
    """Empty for no key."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What the end of a job adds."""

    outputs: int = 0
    """Results that were made; those that were there before do not count."""
    pixels_in: int = 0
    """Pixels of the original, all frames, where anything was made of it."""
    pixels_out: int = 0
    bytes_out: int = 0
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What one key used in one month."""

    key_id: str
    jobs: int = 0
    """Jobs that were accepted."""
    completed: int = 0
    """Jobs that ended so in the month, whenever they were accepted; likewise the next two."""
    failed: int = 0
    cancelled: int = 0
    outputs: int = 0
    pixels_in: int = 0
    pixels_out: int = 0
    bytes_out: int = 0
    cpu_s: float = 0.0


def accept(connection: Connection, tally: Tally, jobs: int, completed: int) -> int:
    """Count new jobs, and those of them that were born completed.

    Tells how many jobs the key has made in the month, these included.
    """
    row = asdict(tally) | {"jobs": jobs, "completed": completed}
    return int(connection.execute(_ACCEPT, row)[0]["jobs"])


def end(connection: Connection, tally: Tally, status: str, spent: Spent) -> None:
    """Count the end of a job, and what it took."""
    ends = {each: int(each == status) for each in _ENDS}
    connection.execute(_END, asdict(tally) | ends | asdict(spent))


def jobs_of_key(connection: Connection, tally: Tally) -> int:
    """Tell how many jobs a key has made in a month."""
    rows = connection.execute(_JOBS_OF_KEY, asdict(tally))
    return int(rows[0]["jobs"]) if rows else 0


def jobs_of_owner(connection: Connection, tally: Tally) -> int:
    """Tell how many jobs all keys of the owner have made in a month."""
    return int(connection.execute(_JOBS_OF_OWNER, asdict(tally))[0]["jobs"])


def listed(connection: Connection, owner: str, month: str, key_id: str | None) -> list[Usage]:
    """Read what an owner's keys used in a month, or one of them."""
    row: Mapping[str, object] = {"owner": owner, "month": month, "key_id": key_id}
    names = Usage.__dataclass_fields__
    return [
        Usage(**{name: each[name] for name in names}) for each in connection.execute(_LIST, row)
    ]
