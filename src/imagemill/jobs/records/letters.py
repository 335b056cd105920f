"""Dead letters: jobs whose tries are used up, until a person has decided."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from imagemill.database import Connection, Row
from imagemill.errors import NotFound
from imagemill.jobs.job import DeadLetter

_ADD = """
INSERT INTO dead_letters (job_id, owner, reason, type, at, state)
VALUES (:job_id, :owner, :reason, :type, :at, 'waiting')
"""
_GET = """
SELECT * FROM dead_letters WHERE job_id = :job_id AND (:owner IS NULL OR owner = :owner)
"""
_LIST = """
SELECT * FROM dead_letters
WHERE owner = :owner
  AND (:state = '' OR state = :state)
  AND (:reason = '' OR reason = :reason)
  AND (:type = '' OR type = :type)
  AND at >= :since AND at < :until
  AND (at, job_id) < (:before, :before_id)
ORDER BY at DESC, job_id DESC LIMIT :most
"""
_LIST_OF_ALL = _LIST.replace("owner = :owner\n  AND ", "")
_DECIDED = "SELECT 1 FROM dead_letters WHERE job_id = :job_id AND state <> 'waiting'"
_SETTLE = """
UPDATE dead_letters SET state = :state, replayed_as = :replayed_as
WHERE job_id = :job_id AND state = 'waiting' RETURNING job_id
"""


@dataclass(frozen=True, slots=True)
class LetterListing:
    """Which dead letters to list; the newest come first."""

    limit: int
    state: str = "waiting"
    """Only letters in this state; empty for any."""
    reason: str = ""
    """Only letters for this reason; empty for any."""
    type: str = ""
    """Only letters about jobs of this type; empty for any."""
    since: float = 0.0
    """Only letters written at this time or later, in seconds since 1970."""
    until: float = float("inf")
    """Only letters written before this time."""
    before: float = float("inf")
    """Only letters written before this time or, of those written at it, before `before_id`."""
    before_id: str = ""


def add(connection: Connection, letter: DeadLetter) -> None:
    """Write a letter about a job."""
    connection.execute(_ADD, asdict(letter))


def get(connection: Connection, job_id: str, owner: str | None) -> DeadLetter:
    """Read an owner's letter, or with None anybody's; raises `NotFound`."""
    rows = connection.execute(_GET, {"job_id": job_id, "owner": owner})
    if not rows:
        raise NotFound("There is no such dead letter.")
    return _letter(rows[0])


def listed(connection: Connection, owner: str | None, wanted: LetterListing) -> list[DeadLetter]:
    """Read an owner's letters, or with None everybody's, the newest first.

    There is one more than asked for if the list goes on.
    """
    statement = _LIST_OF_ALL if owner is None else _LIST
    row = {**asdict(wanted), "owner": owner, "most": wanted.limit + 1}
    return [_letter(each) for each in connection.execute(statement, row)]


def settle(connection: Connection, job_id: str, state: str, replayed_as: str | None = None) -> bool:
    """Note what a person decided; False when that was done before."""
    row = {"job_id": job_id, "state": state, "replayed_as": replayed_as}
    return bool(connection.execute(_SETTLE, row))


def is_decided(connection: Connection, job_id: str) -> bool:
    """Tell whether there is a letter about a job that was replayed or discarded."""
    return bool(connection.execute(_DECIDED, {"job_id": job_id}))


def _letter(row: Row) -> DeadLetter:
    return DeadLetter(
        job_id=row["job_id"],
        owner=row["owner"],
        reason=row["reason"],
        type=row["type"],
        at=row["at"],
        state=row["state"],
        replayed_as=row["replayed_as"],
    )
