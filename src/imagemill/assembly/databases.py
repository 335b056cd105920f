"""Which engine holds the rows of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagemill.backup.places import database_file
from imagemill.database import Database
from imagemill.database.sqlite import SQLiteDatabase
from imagemill.errors import InvalidRequest

if TYPE_CHECKING:
    from imagemill.assembly.parts import Parts


def open_database(parts: Parts, name: str) -> Database:
    """Open a database by the name of what it holds; it is closed with the parts."""
    if parts.settings.database.url.get_secret_value():
        raise InvalidRequest("IMAGEMILL_DATABASE_URL names an engine that is not known.")
    return open_file(parts, name)


def open_file(parts: Parts, name: str) -> SQLiteDatabase:
    """Open a database in a file of the data folder."""
    path = database_file(parts.settings.data, name)
    database = SQLiteDatabase(path, synced=parts.is_synced)
    parts.opened.push_async_callback(database.close)
    return database
