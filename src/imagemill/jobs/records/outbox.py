"""Jobs that wait to be announced on the queue, and those that were and are not claimed yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from imagemill.database import Connection, Row
from imagemill.jobs.turns import Priority, turn_after

_PUT = """
INSERT INTO outbox (job_id, owner, lane, turn, body) VALUES (:job_id, :owner, :lane, :turn, :body)
"""
_LAST_TURN = "SELECT max(turn) AS turn FROM outbox WHERE owner = :owner AND lane = :lane"
_CLOCK = "SELECT turn FROM turns WHERE topic = 'jobs'"
_SET_CLOCK = """
INSERT INTO turns (topic, turn) VALUES ('jobs', :turn)
ON CONFLICT (topic) DO UPDATE SET turn = excluded.turn WHERE excluded.turn > turns.turn
"""
_TAKE = """
UPDATE outbox SET taken_until = :until
WHERE taken_until <= :now AND id IN (
    SELECT id FROM outbox WHERE taken_until <= :now ORDER BY turn, id LIMIT :most
)
RETURNING id, job_id, turn, body
"""
_LET_GO = "UPDATE outbox SET taken_until = 0 WHERE id = :id"
_DROP = "DELETE FROM outbox WHERE id = :id"
_ANNOUNCED = """
UPDATE jobs SET announced_at = :now
WHERE id = :job_id AND status = 'queued' AND rests_until IS NULL
"""
_UNCLAIMED = """
SELECT count(*) AS jobs, min(announced_at) AS oldest_at FROM jobs WHERE announced_at IS NOT NULL
"""
_UNHEARD = """
SELECT id FROM jobs WHERE announced_at < :before ORDER BY announced_at LIMIT :most
"""
_RESTED = "SELECT id FROM jobs WHERE rests_until <= :now ORDER BY rests_until LIMIT :most"
_STIR = "UPDATE jobs SET rests_until = NULL, announced_at = NULL WHERE id = :id"

TOLD: Final = "outbox"
"""What other processes hear when something was put there."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One row of the outbox."""

    id: int
    job_id: str
    turn: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """The jobs that were announced and that no worker has claimed yet."""

    jobs: int
    oldest_at: float | None
    """When the first of them was announced; None when there are none."""


def put(
    connection: Connection, owner: str, priority: Priority, messages: Sequence[tuple[str, bytes]]
) -> None:
    """Let new jobs of one owner, as (id, message), take their turns."""
    last = _last_turn(connection, owner, priority)
    now = _clock(connection)
    rows = []
    for job_id, body in messages:
        last = turn_after(now, last, priority)
        rows.append(_row(job_id, owner, priority, last, body))
    connection.execute_many(_PUT, rows)
    connection.tell(TOLD)


def put_first(
    connection: Connection, owner: str, priority: Priority, job_id: str, body: bytes
) -> None:
    """Let a job that has had its turn go before those that wait."""
    now = _clock(connection)
    connection.execute(_PUT, _row(job_id, owner, priority, now, body))
    connection.tell(TOLD)


def take(connection: Connection, most: int, seconds: float) -> list[Waiting]:
    """Give whose turn it is, in order, and keep them from others for so many seconds."""
    now = connection.now()
    rows = connection.execute(_TAKE, {"most": most, "now": now, "until": now + seconds})
    taken = [Waiting(row["id"], row["job_id"], row["turn"], row["body"]) for row in rows]
    return sorted(taken, key=lambda each: (each.turn, each.id))


def let_go(connection: Connection, taken: Sequence[Waiting]) -> None:
    """Give back what was taken and not announced."""
    connection.execute_many(_LET_GO, [{"id": each.id} for each in taken])


def announced(connection: Connection, published: Sequence[Waiting], now: float) -> None:
    """Note that the queue has these, and move the clock on to the last of them."""
    connection.execute_many(_DROP, [{"id": each.id} for each in published])
    connection.execute_many(_ANNOUNCED, [{"job_id": each.job_id, "now": now} for each in published])
    connection.execute(_SET_CLOCK, {"turn": max(each.turn for each in published)})


def unclaimed(connection: Connection) -> Unclaimed:
    """Count the announced jobs that no worker has claimed; they are few, see `turns.Window`."""
    row = connection.execute(_UNCLAIMED)[0]
    return Unclaimed(row["jobs"], row["oldest_at"])


def unheard(connection: Connection, before: float, most: int) -> list[str]:
    """List jobs that were announced before a time and that no worker has claimed."""
    return _ids(connection.execute(_UNHEARD, {"before": before, "most": most}))


def rested(connection: Connection, now: float, most: int) -> list[str]:
    """List jobs whose pause after a failure is over."""
    return _ids(connection.execute(_RESTED, {"now": now, "most": most}))


def stir(connection: Connection, job_id: str) -> None:
    """Note that a job neither rests nor is announced, for it goes into the outbox again."""
    connection.execute(_STIR, {"id": job_id})


def _ids(rows: Iterable[Row]) -> list[str]:
    return [row["id"] for row in rows]


def _row(
    job_id: str, owner: str, priority: Priority, turn: int, body: bytes
) -> dict[str, str | int | bytes]:
    lane = priority.lane
    return {"job_id": job_id, "owner": owner, "lane": lane, "turn": turn, "body": body}


def _last_turn(connection: Connection, owner: str, priority: Priority) -> int | None:
    rows = connection.execute(_LAST_TURN, {"owner": owner, "lane": priority.lane})
    turn: int | None = rows[0]["turn"]
    return turn


def _clock(connection: Connection) -> int:
    rows = connection.execute(_CLOCK)
    return int(rows[0]["turn"]) if rows else 0
