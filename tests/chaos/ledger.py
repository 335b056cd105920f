"""What the system wrote down, read from outside: events, results and whether files are whole.

The files are opened read-only and beside the API, because what is asked here is asked of programs
that were killed: whether the file itself tells the truth.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FINAL = frozenset({"job.completed", "job.failed", "job.cancelled", "job.dead"})


@dataclass(frozen=True)
class Event:
    """One row of the log of events."""

    seq: int
    job_id: str
    type: str
    at: float
    """Seconds since 1970."""


def events(data: Path) -> list[Event]:
    """Read the whole log, in order."""
    rows = _rows(data, "jobs", "SELECT seq, job_id, type, at FROM events ORDER BY seq")
    return [Event(*row) for row in rows]


def ends(log: Sequence[Event]) -> Mapping[str, list[str]]:
    """Map each job to its ends; there must be one of each job."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for event in log:
        if event.type in FINAL:
            found[event.job_id].append(event.type)
    return found


def pick_ups(log: Sequence[Event]) -> list[float]:
    """Give the seconds from each job's acceptance to its first start."""
    queued = {each.job_id: each.at for each in log if each.type == "job.queued"}
    started = {each.job_id: each.at for each in reversed(log) if each.type == "job.started"}
    return [at - queued[job_id] for job_id, at in started.items()]


def resumptions(log: Sequence[Event]) -> list[float]:
    """Give the seconds from each start that came to nothing to the job's next start."""
    at: dict[str, float] = {}
    waits = []
    for event in log:
        if event.type == "job.started":
            waits += [event.at - at[event.job_id]] if event.job_id in at else []
            at[event.job_id] = event.at
    return waits


def tries_burnt(data: Path) -> tuple[int, int]:
    """Count what is held against jobs: failed attempts, and leases that ended."""
    statement = "SELECT coalesce(sum(failures), 0), coalesce(sum(lost), 0) FROM jobs"
    failures, lost = _rows(data, "jobs", statement)[0]
    return int(failures), int(lost)


def lease_of(data: Path, job_id: str) -> str:
    """Read the lease under which a job is worked on."""
    found = _rows(data, "jobs", "SELECT lease_id FROM jobs WHERE id = ?", job_id)
    return str(found[0][0])


def messages(data: Path) -> list[tuple[str, bytes]]:
    """Read what lies in the queue, in hand or not: topic and body."""
    return [
        (topic, body)
        for topic, body in _rows(data, "queue", "SELECT topic, body FROM messages ORDER BY id")
    ]


def unsound(data: Path) -> Iterator[str]:
    """Yield what SQLite complains of, over every database."""
    for path in sorted((data / "databases").glob("*.sqlite")):
        for (said,) in _rows(data, path.stem, "PRAGMA integrity_check"):
            if said != "ok":
                yield f"{path.name}: {said}"


def results(data: Path) -> list[Path]:
    """List the objects that can be found as results; drafts have no name yet."""
    found = (data / "objects/results").rglob("*")
    return [each for each in found if each.is_file() and not each.name.startswith(".")]


def sha256(path: Path) -> str:
    """Hash a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def repeated(log: Sequence[Event], type_: str) -> list[str]:
    """List the jobs to which something happened more than once."""
    seen = Counter(each.job_id for each in log if each.type == type_)
    return [job_id for job_id, times in seen.items() if times > 1]


def _rows(data: Path, name: str, statement: str, *values: str) -> list[tuple[Any, ...]]:
    uri = f"file:{data}/databases/{name}.sqlite?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=20)) as opened:
        return opened.execute(statement, values).fetchall()
