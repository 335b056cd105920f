"""Rows: how a database is claimed, filled, and compared with the one that it was filled from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from imagemill.database import Connection, Database
from imagemill.transfer import records
from imagemill.transfer.ends import Readable
from imagemill.transfer.records import catalogues, journal
from imagemill.transfer.records.journal import Entry
from imagemill.transfer.surveying import ROWS_AT_ONCE, Survey, last_numbers, tallies
from imagemill.transfer.tables import TABLES, Table

Move = Callable[[int], None]
"""Hears how many rows of the database are there."""


@dataclass(frozen=True, slots=True)
class Filling:
    """One database on its way."""

    name: str
    source: Readable
    database: Database
    """The one that is filled."""
    seen: Survey

    async def claim(self) -> Mapping[str, Entry]:
        """Note in an empty database what is to come into it; answer how far each table is."""
        found = dict(self.seen.found[self.name])

        def begin(connection: Connection) -> dict[str, Entry]:
            journal.make(connection)
            if not (begun := journal.read(connection)):
                journal.begin(connection, self.seen.identity, found)
                begun = journal.read(connection)
            return begun

        return await self.database.run(begin)

    async def fill(self, begun: Mapping[str, Entry], move: Move) -> None:
        """Copy the rows that are not there yet, then let numbers go on from those of the source."""
        done = sum(each.copied for each in begun.values())
        move(done)
        for table in TABLES[self.name]:
            place = begun[table.name].place
            while step := await self._copy(table, place):
                place, rows = step
                done += rows
                move(done)
        await self.database.run(self._number)

    async def differences(self) -> list[str]:
        """Name the tables that are not what they were in the source when the transfer began."""
        found, there = self.seen.found[self.name], await tallies(self.database, self.name)
        numbers = await last_numbers(self.database, self.name)
        wrong = [table for table in found if found[table] != there[table]]
        wrong += [
            table for table, last in self.seen.numbers[self.name].items() if numbers[table] < last
        ]
        return [f"{self.name}.{table}" for table in dict.fromkeys(wrong)]

    async def _copy(self, table: Table, place: str | None) -> tuple[str, int] | None:
        """Copy one batch together with the note of how far it came."""
        rows = await self.source.read(
            partial(records.batch, table=table, place=place, most=ROWS_AT_ONCE)
        )
        if not rows:
            return None
        reached = records.place_after(table, rows)

        def write(connection: Connection) -> None:
            records.add(connection, table, rows)
            journal.advance(connection, table.name, reached, len(rows))

        await self.database.run(write)
        return reached, len(rows)

    def _number(self, connection: Connection) -> None:
        for table in TABLES[self.name]:
            if table.numbered:
                last = self.seen.numbers[self.name][table.name]
                catalogues.of(connection).go_on_after(connection, table.name, table.numbered, last)


async def emptied(database: Database, name: str) -> None:
    """Take back all that a transfer wrote into a database, in batches, and then its claim.

    Words of images that are gone stay in the index of words; nothing leads to them.
    """
    # First those tables that name others; a table of one row keeps it.
    for table in reversed(TABLES[name]):
        remove = partial(records.remove, table=table, most=ROWS_AT_ONCE)
        while table.key and await database.run(remove) > 0:
            pass
    await database.run(journal.forget)
