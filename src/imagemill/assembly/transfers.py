"""Both ends of a transfer: a data folder, and the engines that the settings name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from imagemill.assembly.parts import Parts, make_private
from imagemill.backup.lock import at_rest
from imagemill.backup.places import DATABASES, database_file, objects_folder
from imagemill.database.migrations import migrations_of
from imagemill.database.sqlite import SQLiteReading
from imagemill.errors import InvalidRequest, NotFound
from imagemill.processes import BY_NAME
from imagemill.settings import Settings
from imagemill.storage.local import LocalStorage
from imagemill.transfer.ends import Readable, Seen, Source, Target
from imagemill.transfer.moving import Transfer, looked_at
from imagemill.transfer.records.catalogues import Catalogue, PostgresCatalogue, SQLiteCatalogue
from imagemill.transfer.report import Report, Tell

_PACKAGES: Final[Mapping[str, str]] = {
    each.owns: f"imagemill.{each.name}" for each in BY_NAME.values() if each.owns
}


@asynccontextmanager
async def transfer(
    settings: Settings, data: Path, *, tell: Tell, now: Callable[[], float]
) -> AsyncIterator[Transfer]:
    """Open what is moved from `data` to the engines of the settings, whose tables are made.

    What these settings keep in `data` itself stays there. Raises `InvalidRequest` when that is all,
    `NotFound` when there is nothing in `data`, `Conflict` while a server uses the target.
    """
    moves_rows, moves_objects = _what_moves(settings, data)
    async with AsyncExitStack() as opened:
        source = _source(data, opened)
        parts = Parts(settings, opened)
        if moves_rows or moves_objects:
            make_private(settings.data)
        if not _is_same(settings.data, data):
            opened.enter_context(at_rest(settings.data))
        databases = {name: parts.database(name) for name in DATABASES if moves_rows}
        for name, database in databases.items():
            await database.migrate(migrations_of(_PACKAGES[name]))
        objects = parts.storage if moves_objects else None
        yield Transfer(
            source=source,
            target=Target(databases, _catalogue(settings), objects),
            schemas=_schemas(),
            tell=tell,
            now=now,
        )


async def look_at_transfer(settings: Settings, data: Path) -> Report:
    """Tell what `transfer` would move and what stands in its way; nothing is made or changed."""
    moves_rows, moves_objects = _what_moves(settings, data)
    async with AsyncExitStack() as opened:
        source = _source(data, opened)
        databases = _there_already(settings, opened) if moves_rows else {}
        if moves_objects and settings.storage.url:
            await Parts(settings, opened).storage.check()
        return await looked_at(source, Seen(databases, _catalogue(settings)), _schemas())


def _there_already(settings: Settings, opened: AsyncExitStack) -> dict[str, Readable]:
    """Open databases that exist; looking for one in a file would make the file."""
    if settings.database.url.get_secret_value():
        parts = Parts(settings, opened)
        return {name: parts.database(name) for name in DATABASES}
    paths = {name: database_file(settings.data, name) for name in DATABASES}
    return {name: SQLiteReading(path) for name, path in paths.items() if path.is_file()}


def _source(data: Path, opened: AsyncExitStack) -> Source:
    paths = {name: database_file(data, name) for name in DATABASES}
    databases = {name: SQLiteReading(path) for name, path in paths.items() if path.is_file()}
    if not databases:
        raise NotFound(f"There is no data in {data}; --from names the folder to move.")
    objects = LocalStorage(objects_folder(data), as_found=True)
    opened.push_async_callback(objects.close)
    return Source(data, databases, SQLiteCatalogue(), objects)


def _what_moves(settings: Settings, data: Path) -> tuple[bool, bool]:
    """Say whether rows and objects move; what the settings keep in the same folder does not."""
    is_same = _is_same(settings.data, data)
    moves_rows = not is_same or bool(settings.database.url.get_secret_value())
    moves_objects = not is_same or bool(settings.storage.url)
    if not moves_rows and not moves_objects:
        raise InvalidRequest(
            f"The settings keep everything in {data} itself; say with IMAGEMILL_DATABASE_URL, "
            "IMAGEMILL_STORAGE_URL or --data where it is to go."
        )
    return moves_rows, moves_objects


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _catalogue(settings: Settings) -> Catalogue:
    is_file = not settings.database.url.get_secret_value()
    return SQLiteCatalogue() if is_file else PostgresCatalogue()


def _schemas() -> dict[str, list[tuple[int, str]]]:
    return {
        name: [(each.number, each.name) for each in migrations_of(package)]
        for name, package in _PACKAGES.items()
    }
