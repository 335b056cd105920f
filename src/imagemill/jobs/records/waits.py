"""Images that jobs wait for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from imagemill.contracts.identity import Identity
from imagemill.database import Connection, Row

_ADD = """
INSERT INTO waits (job_id, image_id, owner, key_id, stored_bytes, url, is_fresh, ask_at)
VALUES (:job_id, :image_id, :owner, :key_id, :stored_bytes, :url, :is_fresh, :now)
"""
_DUE = "SELECT * FROM waits WHERE ask_at <= :now ORDER BY ask_at LIMIT :most"
_ANY = "SELECT 1 AS found FROM waits WHERE ask_at IS NOT NULL LIMIT 1"
_ASKED = """
UPDATE waits SET is_asked = 1, ask_at = :ask_at
WHERE job_id = :job_id AND image_id = :image_id AND ask_at IS NOT NULL
"""
_ASK = "UPDATE waits SET ask_at = :now WHERE image_id = :image_id AND ask_at > :now"
_ASK_ALL = "UPDATE waits SET ask_at = :now WHERE ask_at > :now"
_COME = "UPDATE waits SET ask_at = NULL WHERE job_id = :job_id AND image_id = :image_id"
_END = "UPDATE waits SET ask_at = NULL WHERE job_id = :job_id"
_LEFT = "SELECT count(*) AS waits FROM waits WHERE job_id = :job_id AND ask_at IS NOT NULL"
_OF_JOB = "SELECT * FROM waits WHERE job_id = :job_id ORDER BY image_id"

TOLD: Final = "waits"
"""What other processes hear when a job waits for images."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One image that one job waits for."""

    job_id: str
    image_id: str
    owner: str
    url: str | None
    """Where it is fetched from; None for one that its owner had asked for already."""
    is_fresh: bool
    """Whether the job is to be worked on even where its results are stored."""
    key_id: str | None
    """The key that asked for it."""
    stored_bytes: int | None
    """Bytes that this key's originals may take up."""
    is_asked: bool
    """Whether uploads was asked to fetch it."""


def add(
    connection: Connection,
    job_id: str,
    asker: Identity,
    waits: Mapping[str, str | None],
    now: float,
    *,
    fresh: bool,
) -> None:
    """Note what a job waits for, as URLs by image id."""
    about = {
        "job_id": job_id,
        "owner": asker.account,
        "key_id": asker.key_id,
        "stored_bytes": asker.stored_bytes,
        "is_fresh": int(fresh),
        "now": now,
    }
    rows = [{**about, "image_id": image_id, "url": url} for image_id, url in waits.items()]
    connection.execute_many(_ADD, rows)
    connection.tell(TOLD)


def due(connection: Connection, now: float, most: int) -> list[Wait]:
    """List whose fate is to be asked for, in the order in which that is due."""
    return [_wait(row) for row in connection.execute(_DUE, {"now": now, "most": most})]


def has_any(connection: Connection) -> bool:
    """Tell whether any job waits for an image."""
    return bool(connection.execute(_ANY))


def asked(connection: Connection, wait: Wait, ask_at: float) -> None:
    """Note that uploads knows of an image, and when it is asked again."""
    row = {"job_id": wait.job_id, "image_id": wait.image_id, "ask_at": ask_at}
    connection.execute(_ASKED, row)


def ask(connection: Connection, image_ids: Sequence[str], now: float) -> None:
    """Let it be asked now what became of images."""
    connection.execute_many(_ASK, [{"image_id": each, "now": now} for each in image_ids])


def ask_all(connection: Connection, now: float) -> None:
    """Let it be asked now what became of every image."""
    connection.execute(_ASK_ALL, {"now": now})


def come(connection: Connection, wait: Wait) -> None:
    """Note that an image is there, and that the job waits for others."""
    connection.execute(_COME, {"job_id": wait.job_id, "image_id": wait.image_id})


def is_last(connection: Connection, wait: Wait) -> bool:
    """Tell whether a job waits for this image only."""
    return int(connection.execute(_LEFT, {"job_id": wait.job_id})[0]["waits"]) <= 1


def end(connection: Connection, job_id: str) -> None:
    """Note that a job waits no more."""
    connection.execute(_END, {"job_id": job_id})


def of_job(connection: Connection, job_id: str) -> list[Wait]:
    """List what a job waits for, or waited for."""
    return [_wait(row) for row in connection.execute(_OF_JOB, {"job_id": job_id})]


def _wait(row: Row) -> Wait:
    return Wait(
        job_id=row["job_id"],
        image_id=row["image_id"],
        owner=row["owner"],
        url=row["url"],
        key_id=row["key_id"],
        stored_bytes=row["stored_bytes"],
        is_fresh=bool(row["is_fresh"]),
        is_asked=bool(row["is_asked"]),
    )
