"""Both ends of a transfer: a data folder, and the engines that the settings name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from imagemill.assembly.databases import open_database
from imagemill.assembly.parts import Parts, make_private
from imagemill.assembly.storages import object_storage
from imagemill.backup.lock import at_rest
from imagemill.backup.places import DATABASES, database_file, objects_folder
from imagemill.database.migrations import migrations_of
from imagemill.database.sqlite import SQLiteReading
from imagemill.errors import ImagemillError, InvalidRequest, NotFound
from imagemill.processes import BY_NAME
from imagemill.settings import Settings
from imagemill.storage.local import LocalStorage
from imagemill.transfer.ends import Readable, Source, Target
from imagemill.transfer.moving import Transfer, looked_at
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
    names, moves_objects = _what_moves(settings, data)
    async with AsyncExitStack() as opened:
        source = _source(data, opened)
        parts = Parts(settings, opened)
        make_private(settings.data)
        if not _is_same(settings.data, data):
            opened.enter_context(at_rest(settings.data))
        databases = {name: open_database(parts, name, migrates=True) for name in names}
        for name, database in databases.items():
            await database.migrate(migrations_of(_PACKAGES[name]))
        objects = parts.storage if moves_objects else None
        for start in parts.starts:
            await start()
        yield Transfer(
            source=source,
            target=Target(databases, objects),
            schemas=_schemas(),
            tell=tell,
            now=now,
        )


async def look_at_transfer(settings: Settings, data: Path) -> Report:
    """Tell what `transfer` would move and what stands in its way; nothing is made or changed."""
    names, moves_objects = _what_moves(settings, data)
    async with AsyncExitStack() as opened:
        source, parts = _source(data, opened), Parts(settings, opened)
        refusals = await _refusals(settings) if moves_objects and settings.storage.url else ()
        report = await looked_at(source, _there_already(parts, names), _schemas())
        return replace(report, obstacles=(*report.obstacles, *refusals))


async def _refusals(settings: Settings) -> tuple[str, ...]:
    """Say why the object store cannot be used, as far as it shows without a write."""
    try:
        async with AsyncExitStack() as opened:
            objects = object_storage(settings.storage)
            opened.push_async_callback(objects.close)
            await objects.look()
    except ImagemillError as error:
        return (f"The new storage cannot be used yet: {error.message}",)
    return ()


def _there_already(parts: Parts, names: Sequence[str]) -> dict[str, Readable]:
    """Open databases that exist; looking for one in a file would make the file."""
    databases: dict[str, Readable] = {}
    for name in names:
        path = database_file(parts.settings.data, name)
        if _address(parts.settings, name):
            databases[name] = parts.database(name)
        elif path.is_file():
            databases[name] = SQLiteReading(path)
    return databases


def _source(data: Path, opened: AsyncExitStack) -> Source:
    paths = {name: database_file(data, name) for name in DATABASES}
    databases = {name: SQLiteReading(path) for name, path in paths.items() if path.is_file()}
    if not databases:
        raise NotFound(f"There is no data in {data}; --from names the folder to move.")
    objects = LocalStorage(objects_folder(data), as_found=True)
    opened.push_async_callback(objects.close)
    return Source(data, databases, objects)


def _what_moves(settings: Settings, data: Path) -> tuple[Sequence[str], bool]:
    """Name the databases that move, and say whether objects do."""
    is_same = _is_same(settings.data, data)
    names = [name for name in DATABASES if not is_same or _address(settings, name)]
    moves_objects = not is_same or bool(settings.storage.url)
    if not names and not moves_objects:
        raise InvalidRequest(
            f"The settings keep everything in {data} itself; say with IMAGEMILL_DATABASE_URL, "
            "IMAGEMILL_STORAGE_URL or --data where it is to go."
        )
    return names, moves_objects


def _address(settings: Settings, name: str) -> str:
    """Give the address of a database that is not in a file of the data folder."""
    return settings.database.url_of(name)


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _schemas() -> dict[str, list[tuple[int, str]]]:
    return {
        name: [(each.number, each.name) for each in migrations_of(package)]
        for name, package in _PACKAGES.items()
    }
