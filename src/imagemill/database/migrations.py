"""Numbered SQL files beside each service, and how they are applied.

`NNNN_name.sql` is run before the version that needs it starts, and breaks no older one that still
runs: it expands. `NNNN_name.contract.sql` takes away what only older versions used, and is run when
they are gone. `NNNN_name.postgres.sql`, or `NNNN_name.contract.postgres.sql`, stands beside a file
of the same name where the engines do not share the SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from imagemill.database import Connection

VERSIONS: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL
)
"""
"""Where a database keeps which migrations it has seen."""
_DONE: Final = "SELECT number FROM schema_migrations"
_NOTE: Final = "INSERT INTO schema_migrations (number, name) VALUES (:number, :name)"
_CONTRACT: Final = ".contract"
_POSTGRES: Final = ".postgres"


class Phase(StrEnum):
    """When a migration is applied."""

    EXPAND = "expand"
    """Before the new version starts; older ones go on."""
    CONTRACT = "contract"
    """After the older ones are gone."""
    BOTH = "both"
    """At once, where nothing older runs."""


ALL: Final = Phase.BOTH


@dataclass(frozen=True, slots=True)
class Migration:
    """One forward step of a schema."""

    number: int
    """Position, from 1, without gaps; the file name's first four digits."""
    name: str
    statements: tuple[str, ...]
    on_postgres: tuple[str, ...] = ()
    """What PostgreSQL runs instead; none where it runs the same, with its own types."""
    phase: Phase = Phase.EXPAND

    def is_of(self, phase: Phase) -> bool:
        """Tell whether it is applied in a phase."""
        return phase in {Phase.BOTH, self.phase}


def migrations_of(package: str) -> tuple[Migration, ...]:
    """Read `schema/NNNN_name.sql` of a service's package, in order.

    Statements end in a semicolon at the end of a line.
    """
    found = {
        each.name.removesuffix(".sql"): each.read_text()
        for each in files(package).joinpath("schema").iterdir()
        if each.name[0].isdigit()
    }
    return tuple(
        Migration(
            number=int(name[:4]),
            name=name.removesuffix(_CONTRACT),
            statements=_statements(text),
            on_postgres=_statements(found.get(f"{name}{_POSTGRES}", "")),
            phase=Phase.CONTRACT if name.endswith(_CONTRACT) else Phase.EXPAND,
        )
        for name, text in sorted(found.items())
        if not name.endswith(_POSTGRES)
    )


def missing(
    migrations: Sequence[Migration], done: Collection[int], phase: Phase
) -> list[Migration]:
    """Choose the migrations of a phase that a database has not seen."""
    return [each for each in migrations if each.is_of(phase) and each.number not in done]


def applied_to(
    connection: Connection,
    migrations: Sequence[Migration],
    phase: Phase = ALL,
    written: Callable[[Migration], Sequence[str]] = lambda each: each.statements,
) -> None:
    """Run, inside one transaction, what `schema_migrations` does not list.

    `written` gives a migration's statements as the engine of the connection takes them.
    """
    for statement in written(Migration(0, "", (VERSIONS,))):
        connection.execute(statement)
    for migration in missing(migrations, seen(connection), phase):
        for statement in written(migration):
            connection.execute(statement)
        connection.execute(_NOTE, {"number": migration.number, "name": migration.name})


def seen(connection: Connection) -> set[int]:
    """Tell the numbers of the migrations that a database has seen."""
    return {int(row["number"]) for row in connection.execute(_DONE)}


def _statements(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(";\n") if part.strip())
