"""What SQLite and PostgreSQL say differently: which tables there are, and the numbers they give."""

from __future__ import annotations

from typing import Final, Protocol

from imagemill.database import Connection

_SQLITE_TABLES: Final = "SELECT name FROM sqlite_master WHERE type = 'table'"
_SQLITE_LAST: Final = "SELECT seq FROM sqlite_sequence WHERE name = :table"
_SQLITE_SET: Final = "UPDATE sqlite_sequence SET seq = :last WHERE name = :table RETURNING seq"
_SQLITE_ADD: Final = "INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)"
_POSTGRES_TABLES: Final = """
SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()
"""
_POSTGRES_LAST: Final = """
SELECT COALESCE(
    pg_sequence_last_value(CAST(pg_get_serial_sequence(:table, :column) AS regclass)), 0
) AS seq
"""
_POSTGRES_SET: Final = "SELECT setval(pg_get_serial_sequence(:table, :column), :last)"


class Catalogue(Protocol):
    """How a database is asked about itself."""

    def tables(self, connection: Connection) -> frozenset[str]:
        """Name the tables that there are."""
        ...

    def last_number(self, connection: Connection, table: str, column: str) -> int:
        """Tell the last number that was given to a row, be the row there or not; 0 for none."""
        ...

    def go_on_after(self, connection: Connection, table: str, column: str, last: int) -> None:
        """Let the next row have the number after `last`."""
        ...


class SQLiteCatalogue:
    """A `Catalogue` of SQLite."""

    def tables(self, connection: Connection) -> frozenset[str]:
        """Read the schema."""
        return frozenset(row["name"] for row in connection.execute(_SQLITE_TABLES))

    def last_number(self, connection: Connection, table: str, column: str) -> int:
        """Read what AUTOINCREMENT remembers."""
        rows = connection.execute(_SQLITE_LAST, {"table": table})
        return int(rows[0]["seq"]) if rows else 0

    def go_on_after(self, connection: Connection, table: str, column: str, last: int) -> None:
        """Write what AUTOINCREMENT remembers; where no number was given, that is nothing."""
        values = {"table": table, "last": last}
        if last and not connection.execute(_SQLITE_SET, values):
            connection.execute(_SQLITE_ADD, values)


class PostgresCatalogue:
    """A `Catalogue` of PostgreSQL: the schema that comes first on the connection's path."""

    def tables(self, connection: Connection) -> frozenset[str]:
        """Read the information schema."""
        return frozenset(row["name"] for row in connection.execute(_POSTGRES_TABLES))

    def last_number(self, connection: Connection, table: str, column: str) -> int:
        """Read the sequence behind an identity column."""
        rows = connection.execute(_POSTGRES_LAST, {"table": table, "column": column})
        return int(rows[0]["seq"])

    def go_on_after(self, connection: Connection, table: str, column: str, last: int) -> None:
        """Set the sequence behind an identity column; one that gave no number stays as it is."""
        if last:
            values = {"table": table, "column": column, "last": last}
            connection.execute(_POSTGRES_SET, values)


def of(connection: Connection) -> Catalogue:
    """Give the catalogue of a connection's engine; one that names none is SQLite."""
    engine = connection.engine
    return PostgresCatalogue() if engine == "postgresql" else SQLiteCatalogue()
