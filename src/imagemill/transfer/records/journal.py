"""How far a transfer has come: a table in each database of the target, beside what it tells of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from imagemill.database import Connection
from imagemill.transfer.checksums import Tally

TABLE: Final = "transfer_journal"
# Types that both engines know: PostgreSQL's REAL is too short for a time.
_MAKE: Final = """
CREATE TABLE IF NOT EXISTS transfer_journal (
    name TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    found BIGINT NOT NULL,
    checksum TEXT NOT NULL,
    place TEXT,
    copied BIGINT NOT NULL,
    finished_at DOUBLE PRECISION
)
"""
_READ: Final = "SELECT * FROM transfer_journal ORDER BY name"
_BEGIN: Final = """
INSERT INTO transfer_journal (name, source, found, checksum, copied)
VALUES (:name, :source, :found, :checksum, 0)
"""
_ADVANCE: Final = """
UPDATE transfer_journal SET place = :place, copied = copied + :rows WHERE name = :name
"""
_FINISH: Final = "UPDATE transfer_journal SET finished_at = :at"
_FORGET: Final = "DELETE FROM transfer_journal"


@dataclass(frozen=True, slots=True)
class Entry:
    """How far one table has come."""

    name: str
    source: str
    """The installation that it is filled from."""
    found: Tally
    """What the table held there when the transfer began."""
    place: str | None
    """The key of the last row that was copied; None before the first."""
    copied: int
    finished_at: float | None
    """When both sides were found to be equal, in seconds since 1970; None before."""


def make(connection: Connection) -> None:
    """Make the table where there is none."""
    connection.execute(_MAKE)


def read(connection: Connection) -> dict[str, Entry]:
    """Give what is known of each table, by name; nothing when no transfer has begun."""
    return {row["name"]: _entry(row) for row in connection.execute(_READ)}


def begin(connection: Connection, source: str, found: dict[str, Tally]) -> None:
    """Claim an empty database for a source, and write down what is to come into it."""
    connection.execute_many(
        _BEGIN,
        [
            {"name": name, "source": source, "found": each.rows, "checksum": each.checksum}
            for name, each in found.items()
        ],
    )


def advance(connection: Connection, name: str, place: str, rows: int) -> None:
    """Note that so many rows of a table were copied, up to a place."""
    connection.execute(_ADVANCE, {"name": name, "place": place, "rows": rows})


def finish(connection: Connection, at: float) -> None:
    """Note that all of a database is there."""
    connection.execute(_FINISH, {"at": at})


def forget(connection: Connection) -> None:
    """Let go of the claim, for a transfer that begins anew."""
    connection.execute(_FORGET)


def _entry(row: Any) -> Entry:  # noqa: ANN401 - a row of any engine
    return Entry(
        name=row["name"],
        source=row["source"],
        found=Tally(row["found"], int(row["checksum"], 16)),
        place=row["place"],
        copied=row["copied"],
        finished_at=row["finished_at"],
    )
