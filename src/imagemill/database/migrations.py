"""Numbered SQL files beside each service, and how they are applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagemill.database import Connection

_VERSIONS = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One forward step of a schema."""

    number: int
    """Position, from 1, without gaps; the file name's first four digits."""
    name: str
    statements: tuple[str, ...]


def migrations_of(package: str) -> tuple[Migration, ...]:
    """Read `schema/NNNN_name.sql` of a service's package, in order.

    Statements end in a semicolon at the end of a line.
    """
    found = [each for each in files(package).joinpath("schema").iterdir() if each.name[0].isdigit()]
    return tuple(
        Migration(
            number=int(each.name[:4]),
            name=each.name.removesuffix(".sql"),
            statements=tuple(part for part in each.read_text().split(";\n") if part.strip()),
        )
        for each in sorted(found, key=lambda each: each.name)
    )


def apply(connection: Connection, migrations: Sequence[Migration]) -> None:
    """Run, inside one transaction, the migrations that `schema_migrations` does not list."""
    connection.execute(_VERSIONS)
    done = {row["number"] for row in connection.execute("SELECT number FROM schema_migrations")}
    for migration in migrations:
        if migration.number not in done:
            _apply_one(connection, migration)


def _apply_one(connection: Connection, migration: Migration) -> None:
    for statement in migration.statements:
        connection.execute(statement)
    connection.execute(
        "INSERT INTO schema_migrations (number, name) VALUES (:number, :name)",
        {"number": migration.number, "name": migration.name},
    )
