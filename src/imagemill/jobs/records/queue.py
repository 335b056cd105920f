"""How much work there is in a lane: for operators, who look seldom.

Counting what waits reads an index of the whole outbox: 0.1 s for each lane while 500,000 jobs
wait (measured 2026-11, 2 busy cores), which is why the lanes are counted one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

from imagemill.database import Connection

_IN_OUTBOX = "SELECT count(*) AS jobs, min(id) AS first FROM outbox WHERE lane = :lane"
_CREATED = """
SELECT j.created_at AS oldest_at FROM outbox o JOIN jobs j ON j.id = o.job_id WHERE o.id = :id
"""
_ANNOUNCED = """
SELECT count(*) AS jobs, min(created_at) AS oldest_at FROM jobs
WHERE announced_at IS NOT NULL AND lane = :lane
"""
_RESTING = """
SELECT count(*) AS jobs, min(created_at) AS oldest_at FROM jobs
WHERE rests_until IS NOT NULL AND lane = :lane
"""
_PROCESSING = "SELECT count(*) AS jobs FROM jobs WHERE status = 'processing' AND lane = :lane"


@dataclass(frozen=True, slots=True)
class Lane:
    """What stands in one lane."""

    waiting: int
    """Jobs that wait for their turn, or were announced and not claimed yet."""
    resting: int
    """Jobs that wait for another try after a failure."""
    processing: int
    oldest_at: float | None
    """When the oldest of those that wait or rest was made; None where there is none."""


def lane(connection: Connection, number: int) -> Lane:
    """Count the unfinished jobs of one lane."""
    row = {"lane": number}
    in_outbox = connection.execute(_IN_OUTBOX, row)[0]
    announced = connection.execute(_ANNOUNCED, row)[0]
    resting = connection.execute(_RESTING, row)[0]
    first = connection.execute(_CREATED, {"id": in_outbox["first"]})
    ages = [each["oldest_at"] for each in (*first, announced, resting)]
    return Lane(
        waiting=in_outbox["jobs"] + announced["jobs"],
        resting=resting["jobs"],
        processing=connection.execute(_PROCESSING, row)[0]["jobs"],
        oldest_at=min((each for each in ages if each is not None), default=None),
    )
