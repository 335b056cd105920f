"""Rows on their way from one database to another, and every statement that moves them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from imagemill.database import Connection
from imagemill.transfer.tables import Table, Values

_FIRST: Final = "SELECT * FROM {table} ORDER BY {key} LIMIT :most"
_NEXT: Final = """
SELECT * FROM {table} WHERE ({key}) > ({place}) ORDER BY {key} LIMIT :most
"""
_ALL: Final = "SELECT * FROM {table}"
_COUNT: Final = "SELECT COUNT(*) AS found FROM {table}"
_ADD: Final = "INSERT INTO {table} ({columns}) VALUES ({values})"
_EMPTY: Final = "DELETE FROM {table}"
_REMOVE: Final = """
DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} ORDER BY {key} LIMIT :most)
RETURNING {first}
"""
_APPLIED: Final = "SELECT number, name FROM schema_migrations ORDER BY number"
_EARLIEST: Final = "SELECT id, created_at FROM accounts ORDER BY created_at, id LIMIT 1"


def batch(connection: Connection, table: Table, place: str | None, most: int) -> list[Values]:
    """Give the rows after a place, in the order of the key; from the first one without a place.

    A table without a key is given whole, and ends with its first place.
    """
    if not table.key:
        whole = connection.execute(_ALL.format(table=table.name)) if place is None else []
        return [dict(each) for each in whole]
    key = ", ".join(table.key)
    values: dict[str, Any] = {"most": most}
    if place is None:
        statement = _FIRST.format(table=table.name, key=key)
    else:
        values |= {f"after_{n}": each for n, each in enumerate(json.loads(place))}
        marks = ", ".join(f":after_{n}" for n in range(len(table.key)))
        statement = _NEXT.format(table=table.name, key=key, place=marks)
    return [dict(each) for each in connection.execute(statement, values)]


def place_after(table: Table, rows: Sequence[Values]) -> str:
    """Write down where rows end, so that `batch` goes on after them."""
    return json.dumps([rows[-1][column] for column in table.key])


def add(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Write rows as they are, and what is derived from them."""
    if not table.key:
        connection.execute(_EMPTY.format(table=table.name))
    columns = list(rows[0])
    statement = _ADD.format(
        table=table.name,
        columns=", ".join(columns),
        values=", ".join(f":{each}" for each in columns),
    )
    connection.execute_many(statement, rows)
    if table.after:
        table.after(connection, rows)


def count(connection: Connection, table: Table) -> int:
    """Count the rows of a table."""
    return int(connection.execute(_COUNT.format(table=table.name))[0]["found"])


def remove(connection: Connection, table: Table, most: int) -> int:
    """Remove up to `most` rows of a table with a key; answer how many there were."""
    key = ", ".join(table.key)
    statement = _REMOVE.format(table=table.name, key=key, first=table.key[0])
    return len(connection.execute(statement, {"most": most}))


def schema(connection: Connection) -> list[tuple[int, str]]:
    """Name the migrations that a database has seen."""
    return [(row["number"], row["name"]) for row in connection.execute(_APPLIED)]


def identity(connection: Connection) -> str:
    """Tell an installation from others, by its first account and when that was made."""
    first = "".join(f"{row['id']} {row['created_at']!r}" for row in connection.execute(_EARLIEST))
    return hashlib.sha256(first.encode()).hexdigest()[:32]
