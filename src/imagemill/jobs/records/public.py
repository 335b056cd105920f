"""Results that anybody may read, by the names under which they may."""

from __future__ import annotations

from imagemill.database import Connection

_PUBLISH = """
INSERT INTO public_results (job_id, output, name, sha256, at)
VALUES (:job_id, :output, :name, :sha256, :at)
ON CONFLICT (job_id, output) DO UPDATE SET name = excluded.name, sha256 = excluded.sha256
"""
_WITHDRAW = "DELETE FROM public_results WHERE job_id = :job_id AND output = :output"
_NAMED = """
SELECT job_id, output, sha256 FROM public_results WHERE name = :name ORDER BY at DESC LIMIT 20
"""
FORGET = "DELETE FROM public_results WHERE job_id = :job_id"
"""What is done when a job is forgotten."""


def publish(
    connection: Connection, job_id: str, output: str, *, name: str, sha256: str, at: float
) -> None:
    """Let anybody read a job's output under a name."""
    row = {"job_id": job_id, "output": output, "name": name, "sha256": sha256, "at": at}
    connection.execute(_PUBLISH, row)


def withdraw(connection: Connection, job_id: str, output: str) -> None:
    """Let nobody but its owner read it again; other jobs may have published the same bytes."""
    connection.execute(_WITHDRAW, {"job_id": job_id, "output": output})


def named(connection: Connection, name: str) -> list[tuple[str, str, str]]:
    """List the job, the output and the sha256 of what a name stands for, the newest first."""
    rows = connection.execute(_NAMED, {"name": name})
    return [(row["job_id"], row["output"], row["sha256"]) for row in rows]
