"""What every `Database` keeps."""

from __future__ import annotations

import asyncio
import time

import pytest

from imagemill.database import Connection, Database
from imagemill.database.migrations import Migration
from imagemill.errors import NotFound

TABLE = Migration(1, "0001_table", ("CREATE TABLE things (name TEXT PRIMARY KEY, size INTEGER)",))
ADD = "INSERT INTO things (name, size) VALUES (:name, :size)"


@pytest.fixture(autouse=True)
async def _things(database: Database) -> None:
    await database.migrate([TABLE])


def names(connection: Connection) -> list[str]:
    return [row["name"] for row in connection.execute("SELECT name FROM things ORDER BY name")]


async def test_a_unit_gives_back_what_it_returns(database: Database) -> None:
    rows = await database.run(lambda each: each.execute("SELECT 1 + 1 AS two"))

    assert rows[0]["two"] == 2


async def test_what_run_wrote_is_read_by_the_next_reader(database: Database) -> None:
    await database.run(lambda each: each.execute(ADD, {"name": "a", "size": 1}))

    assert await database.read(names) == ["a"]


async def test_what_need_not_be_durable_is_read_at_once_all_the_same(database: Database) -> None:
    await database.run(lambda each: each.execute(ADD, {"name": "a", "size": 1}), durable=False)

    assert await database.read(names) == ["a"]


async def test_a_unit_that_raises_leaves_nothing_and_its_error_reaches_the_caller(
    database: Database,
) -> None:
    def unit(connection: Connection) -> None:
        connection.execute(ADD, {"name": "half", "size": 1})
        raise NotFound("on purpose")

    with pytest.raises(NotFound, match="on purpose"):
        await database.run(unit)

    assert await database.read(names) == []


async def test_one_failing_unit_does_not_harm_those_that_share_its_commit(
    database: Database,
) -> None:
    def broken(connection: Connection) -> None:
        connection.execute(ADD, {"name": "broken", "size": 1})
        connection.execute("SELECT no_such_column FROM things")

    units = [
        database.run(lambda each, n=n: each.execute(ADD, {"name": f"good-{n}", "size": n}))  # type: ignore[misc] # mypy cannot see the default's type
        for n in range(20)
    ]

    done = await asyncio.gather(*units, database.run(broken), return_exceptions=True)

    assert sum(isinstance(each, Exception) for each in done) == 1
    assert len(await database.read(names)) == 20


async def test_concurrent_units_see_each_other_in_some_order(database: Database) -> None:
    await database.run(lambda each: each.execute(ADD, {"name": "count", "size": 0}))

    def increment(connection: Connection) -> None:
        size = connection.execute("SELECT size FROM things WHERE name = 'count'")[0]["size"]
        connection.execute("UPDATE things SET size = :size", {"size": size + 1})

    await asyncio.gather(*(database.run(increment) for _ in range(100)))

    rows = await database.read(lambda each: each.execute("SELECT size FROM things"))
    assert rows[0]["size"] == 100


async def test_many_rows_go_in_with_one_call(database: Database) -> None:
    rows = [{"name": f"{n:03}", "size": n} for n in range(200)]

    await database.run(lambda each: each.execute_many(ADD, rows))

    assert len(await database.read(names)) == 200


async def test_a_migration_is_applied_once(database: Database) -> None:
    more = Migration(2, "0002_more", ("INSERT INTO things (name, size) VALUES ('made', 1)",))

    await database.migrate([TABLE, more])
    await database.migrate([TABLE, more])

    assert await database.read(names) == ["made"]


async def test_a_migration_that_fails_leaves_the_schema_as_it_was(database: Database) -> None:
    broken = Migration(2, "0002_broken", ("CREATE TABLE half (x INTEGER)", "NOT SQL"))

    with pytest.raises(Exception, match="database"):
        await database.migrate([TABLE, broken])

    found = await database.read(lambda each: each.execute("SELECT number FROM schema_migrations"))
    assert [row["number"] for row in found] == [1]
    with pytest.raises(Exception, match="database"):
        await database.read(lambda each: each.execute("SELECT * FROM half"))


async def test_a_unit_reads_the_clock_of_the_database_which_never_goes_back(
    database: Database,
) -> None:
    before = time.time()

    told = [await database.run(lambda each: each.now()) for _ in range(20)]
    told.append(await database.read(lambda each: each.now()))

    assert told == sorted(told)
    # Seconds since 1970, on the machine of the database, whose clock may differ a little.
    assert all(abs(each - before) < 60 for each in told)


async def test_all_who_write_and_read_have_the_same_clock(database: Database) -> None:
    written = await database.run(lambda each: each.now())
    read = await database.read(lambda each: each.now())
    written_after = await database.run(lambda each: each.now(), durable=False)

    assert written <= read <= written_after
