"""Which engine holds the rows of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from imagemill.backup.places import database_file
from imagemill.database import Database
from imagemill.database.settings import DatabaseSettings
from imagemill.database.sqlite import SQLiteDatabase
from imagemill.errors import InvalidRequest
from imagemill.processes import BY_NAME

if TYPE_CHECKING:
    from imagemill.assembly.parts import Parts
    from imagemill.database.postgres import Place, PostgresDatabase

PACKAGES: Final = {each.owns: each.name for each in BY_NAME.values() if each.owns}
"""The package whose schema each database has, by the database's name."""
VARIABLES: Final = {
    name: f"IMAGEMILL_DATABASE_{name.upper()}_URL" for name in ("owner", *PACKAGES)
} | {"queue": "IMAGEMILL_QUEUE_URL"}
"""The setting that holds the address of each schema's role, and of who owns them all."""


def open_database(parts: Parts, name: str, *, migrates: bool = False) -> Database:
    """Open a database by the name of what it holds; it is closed with the parts.

    With `migrates` a PostgreSQL is migrated too, as its owner; services leave that to operators.
    """
    settings = parts.settings.database
    url = settings.url_of(name)
    if url and migrates:
        url = settings.who_migrates(url)
    return open_schema(parts, name, url, migrates=migrates) if url else open_file(parts, name)


def open_file(parts: Parts, name: str) -> SQLiteDatabase:
    """Open a database in a file of the data folder."""
    path = database_file(parts.settings.data, name)
    database = SQLiteDatabase(path, synced=parts.is_synced)
    parts.opened.push_async_callback(database.close)
    return database


def open_schema(
    parts: Parts, name: str, url: str, *, migrates: bool = False, alone: bool = True
) -> PostgresDatabase:
    """Open a schema of a PostgreSQL; raises `InvalidRequest` where that cannot be spoken to."""
    place = _place(parts.settings.database, name, url)
    from imagemill.database.postgres import PostgresDatabase  # noqa: PLC0415 - an extra

    database = PostgresDatabase(place, synced=parts.is_synced, alone=alone, migrates=migrates)
    parts.opened.push_async_callback(database.close)
    return database


def is_on_postgres(settings: DatabaseSettings) -> bool:
    """Tell whether any database is in PostgreSQL."""
    return any(settings.url_of(name) for name in PACKAGES)


def _place(settings: DatabaseSettings, name: str, url: str) -> Place:
    address = conninfo(settings, url, f"{VARIABLES[name]} or IMAGEMILL_DATABASE_URL")
    from imagemill.database.postgres import Place  # noqa: PLC0415 - an extra

    return Place(
        address,
        name,
        connections=settings.connections,
        connect_timeout_s=settings.connect_timeout_s,
        lock_timeout_s=settings.lock_timeout_s,
        statement_timeout_s=settings.statement_timeout_s,
    )


def conninfo(settings: DatabaseSettings, url: str, setting: str) -> str:
    """Complete an address; raises `InvalidRequest` naming the setting that holds it."""
    try:
        from imagemill.database.postgres.address import Trust, conninfo_of  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InvalidRequest(
            f"{setting} is set, but the extra for it is not installed: "
            "pip install 'imagemill[postgres]'."
        ) from error
    if not url.startswith(("postgresql://", "postgres://")):
        raise InvalidRequest(
            f"{setting} names an engine that is not known; write postgresql://user:password@host:"
            "5432/imagemill."
        )
    trust = Trust(settings.ca_file, settings.certificate_file, settings.key_file)
    return conninfo_of(url, trust, setting)
