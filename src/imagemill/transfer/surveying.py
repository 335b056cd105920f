"""Look at both ends before anything is moved: what there is, and what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from imagemill.backup.places import DATABASES
from imagemill.database import Connection
from imagemill.transfer import records
from imagemill.transfer.checksums import Tally, tally
from imagemill.transfer.ends import Readable, Source
from imagemill.transfer.records import catalogues, journal
from imagemill.transfer.records.journal import Entry
from imagemill.transfer.tables import TABLES, Table

ROWS_AT_ONCE: Final = 200
"""Rows of one batch: its commit costs a sync of some milliseconds, its memory stays small."""

Databases = Mapping[str, Readable]
Schemas = Mapping[str, Sequence[tuple[int, str]]]
"""By database, number and name of each migration of this version."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found at both ends."""

    identity: str
    """Tells the source from other installations; the same for as long as it lives."""
    found: Mapping[str, Mapping[str, Tally]]
    """What each table of each database of the source holds."""
    numbers: Mapping[str, Mapping[str, int]]
    """The last number that each numbered table of the source gave."""
    begun: Mapping[str, Mapping[str, Entry]]
    """What the target tells of a transfer into it; nothing for a database that is empty."""
    obstacles: tuple[str, ...]
    """Why nothing can be moved, in sentences that say what to do."""

    @property
    def finished_at(self) -> float | None:
        """When all databases were found to be equal; None when some were not yet."""
        ends = [each.finished_at for begun in self.begun.values() for each in begun.values()]
        known = [each for each in ends if each is not None]
        is_whole = bool(self.begun) and all(self.begun.values()) and len(known) == len(ends)
        return max(known) if is_whole else None


async def survey(source: Source, target: Databases, schemas: Schemas) -> Survey:
    """Count and digest all rows of the source, and look what the target holds of them.

    Databases that the target does not have yet are left out of it.
    """
    old = await _out_of_date(source, schemas)
    if old:
        return Survey("", {}, {}, {}, tuple(old))
    identity = await source.databases["users"].read(records.identity)
    found = {name: await tallies(source.databases[name], name) for name in DATABASES}
    numbers = {name: await last_numbers(source.databases[name], name) for name in DATABASES}
    begun = {name: await database.read(_begun) for name, database in target.items()}
    obstacles = [
        each
        for name, database in target.items()
        for each in await _in_the_way(name, database, identity, found[name], begun[name])
    ]
    return Survey(identity, found, numbers, begun, tuple(obstacles))


async def tallies(database: Readable, name: str) -> dict[str, Tally]:
    """Count and digest the rows of every table of a database."""
    return {table.name: await _tallied(database, table) for table in TABLES[name]}


async def last_numbers(database: Readable, name: str) -> dict[str, int]:
    """Tell the last number of every table of a database that numbers its rows."""

    def look(connection: Connection) -> dict[str, int]:
        catalogue = catalogues.of(connection)
        return {
            table.name: catalogue.last_number(connection, table.name, table.numbered)
            for table in TABLES[name]
            if table.numbered
        }

    return await database.read(look)


async def _tallied(database: Readable, table: Table) -> Tally:
    whole, place = Tally(), None

    def look(connection: Connection, place: str | None) -> tuple[Tally, str] | None:
        rows = records.batch(connection, table, place, ROWS_AT_ONCE)
        return (tally(rows), records.place_after(table, rows)) if rows else None

    while step := await database.read(partial(look, place=place)):
        whole, place = whole + step[0], step[1]
    return whole


async def _out_of_date(source: Source, schemas: Schemas) -> list[str]:
    """Say which databases are missing, or of another version."""
    missing = [name for name in DATABASES if name not in source.databases]
    if missing:
        return [f"{source.data} has no database {name}; name the whole folder." for name in missing]
    return [
        f"The database {name} in {source.data} is not of this version; run `imagemill migrate "
        f"--data {source.data}` with this version, or transfer with the version that runs there."
        for name in DATABASES
        if await source.databases[name].read(records.schema) != list(schemas[name])
    ]


def _begun(connection: Connection) -> dict[str, Entry]:
    has_begun = journal.TABLE in catalogues.of(connection).tables(connection)
    return journal.read(connection) if has_begun else {}


async def _in_the_way(
    name: str,
    database: Readable,
    identity: str,
    found: Mapping[str, Tally],
    begun: Mapping[str, Entry],
) -> list[str]:
    if any(each.source != identity for each in begun.values()):
        return [f"The database {name} is being filled from another installation; name another."]
    if begun:
        changed = [each.name for each in begun.values() if each.found != found[each.name]]
        is_over = all(each.finished_at is not None for each in begun.values())
        return [] if is_over or not changed else [_changed(name, changed)]
    full = await database.read(partial(_full, name=name))
    return [
        f"The table {table} of the database {name} holds {count} rows already; a transfer goes "
        "into empty databases only, so name other ones."
        for table, count in full.items()
    ]


def _changed(name: str, tables: Sequence[str]) -> str:
    return (
        f"Since the transfer began, {tables[0]} of the database {name} has changed in the source; "
        "begin anew with --restart, which empties the target first."
    )


def _full(connection: Connection, name: str) -> dict[str, int]:
    there = catalogues.of(connection).tables(connection)
    counts = {
        table.name: records.count(connection, table)
        for table in TABLES[name]
        if table.key and table.name in there
    }
    return {table: count for table, count in counts.items() if count}
