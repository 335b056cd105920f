"""What is PostgreSQL's own affair: several processes, restarts, and what happens between them."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from dataclasses import replace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from imagemill.database import Connection
from imagemill.database.migrations import Migration
from imagemill.database.postgres import Place, PostgresDatabase
from imagemill.database.sharing import Waiting
from imagemill.errors import Internal, NotFound, Unavailable
from tests.database.conftest import Opening
from tests.peers.postgres import PostgresServer
from tests.peers.proof import server_mark
from tests.peers.schemas import place

pytestmark = server_mark("postgres")

LOG = Migration(
    1,
    "0001_log",
    ("CREATE TABLE log (seq INTEGER PRIMARY KEY AUTOINCREMENT, said TEXT, done INTEGER, at REAL)",),
)
ADD = "INSERT INTO log (said, done, at) VALUES (:said, :done, :at)"
WRITER = """
import asyncio, sys
from imagemill.database.postgres import Place, PostgresDatabase

async def main():
    database = PostgresDatabase(Place(sys.argv[1], sys.argv[2]))
    add = "INSERT INTO log (said) VALUES (:said)"
    for _ in range(20):
        units = [database.run(lambda each: each.execute(add, {"said": sys.argv[3]}), durable=False)
                 for _ in range(10)]
        await asyncio.gather(*units)
    await database.close()

asyncio.run(main())
"""
"""A process that writes 200 rows, some of them with one commit."""


def add(said: str) -> Any:  # noqa: ANN401 - a unit
    return lambda each: each.execute(ADD, {"said": said, "done": False, "at": each.now()})


def said(connection: Connection) -> list[str]:
    return [row["said"] for row in connection.execute("SELECT said FROM log ORDER BY seq")]


async def test_numbers_of_two_processes_are_committed_in_their_order(
    opening: Opening, at: Place
) -> None:
    database = opening()
    await database.migrate([LOG])
    command = [sys.executable, "-c", WRITER, at.conninfo, at.schema]
    writers = [await asyncio.create_subprocess_exec(*command, name) for name in ("a", "b")]
    seen: list[int] = []

    def read_on(connection: Connection) -> list[int]:
        after = seen[-1] if seen else 0
        going_on = "SELECT seq FROM log WHERE seq > :after ORDER BY seq"
        rows = connection.execute(going_on, {"after": after})
        return [row["seq"] for row in rows]

    async with asyncio.timeout(30):
        while any(each.returncode is None for each in writers):
            seen += await database.read(read_on)
        seen += await database.read(read_on)

    # A number that was committed after a larger one would have been missed by this reader.
    written = await database.read(lambda each: each.execute("SELECT seq FROM log ORDER BY seq"))
    assert [each.returncode for each in writers] == [0, 0]
    assert seen == [row["seq"] for row in written]
    assert len(seen) == 400


async def test_what_one_process_tells_another_hears_and_itself_does_not(opening: Opening) -> None:
    one, other = opening(), opening()
    await one.migrate([LOG])

    def unit(connection: Connection) -> None:
        connection.tell("said")

    async with asyncio.timeout(10), aclosing(cast("Any", other.heard())) as topics:
        first = await anext(topics)
        await other.run(unit)
        await one.run(lambda each: each.tell("news"))
        second = await anext(topics)

    assert (first, second) == ("", "news")


async def test_a_unit_that_raises_tells_nothing(opening: Opening) -> None:
    one, other = opening(), opening()
    await one.migrate([LOG])

    def unit(connection: Connection) -> None:
        connection.tell("never")
        raise NotFound("on purpose")

    async with asyncio.timeout(10), aclosing(cast("Any", other.heard())) as topics:
        await anext(topics)
        await asyncio.gather(one.run(unit), one.run(add("x")), return_exceptions=True)
        await one.run(lambda each: each.tell("after"))
        heard = await anext(topics)

    assert heard == "after"


async def test_much_that_is_told_at_once_is_told_as_one(opening: Opening) -> None:
    one, other = opening(), opening()
    await one.migrate([LOG])

    def unit(connection: Connection) -> None:
        for number in range(1_000):
            connection.tell(f"job {number}")

    async with asyncio.timeout(10), aclosing(cast("Any", other.heard())) as topics:
        await anext(topics)
        await one.run(unit)
        heard = await anext(topics)

    assert heard == ""


async def test_a_kept_plan_outlives_a_new_column(opening: Opening) -> None:
    older, newer = opening(), opening()
    await older.migrate([LOG])
    look = "SELECT * FROM log WHERE done = :done"
    for _ in range(5):
        await older.read(lambda each: each.execute(look, {"done": 0}))
        await older.run(lambda each: each.execute(look, {"done": 0}))

    await newer.migrate([LOG, Migration(2, "0002_more", ("ALTER TABLE log ADD COLUMN more TEXT",))])
    await newer.run(add("x"))

    assert len(await older.read(lambda each: each.execute(look, {"done": 0}))) == 1
    assert len(await older.run(lambda each: each.execute(look, {"done": 0}))) == 1


async def test_flags_nothing_and_text_with_a_nul_are_taken(opening: Opening) -> None:
    database = opening()
    await database.migrate([LOG])
    row = {"said": "a\0b", "done": True, "at": None}

    await database.run(lambda each: each.execute(ADD, row))

    kept = await database.read(lambda each: each.execute("SELECT said, done, at FROM log"))
    asked = "SELECT 1 FROM log WHERE :nothing IS NULL AND (:no OR said LIKE '%:b%' OR done = :yes)"
    found = await database.read(
        lambda each: each.execute(
            asked.replace(":no OR", ":no = 1 OR"), {"nothing": None, "no": False, "yes": 1}
        )
    )
    assert dict(kept[0]) == {"said": "a\N{REPLACEMENT CHARACTER}b", "done": 1, "at": None}
    assert len(found) == 1


async def test_a_reading_unit_that_writes_is_refused(opening: Opening) -> None:
    database = opening()
    await database.migrate([LOG])

    with pytest.raises((Internal, Unavailable)):
        await database.read(add("x"))

    assert await database.read(said) == []


async def test_a_unit_that_waits_too_long_for_others_is_unavailable(
    opening: Opening, postgres: PostgresServer, at: Place
) -> None:
    here = Place(at.conninfo, at.schema, lock_timeout_s=0.2)
    database = opening(here)
    await database.migrate([LOG])
    with _held(postgres, here), pytest.raises(Unavailable) as refusal:
        await database.run(add("x"))

    await database.run(add("y"))
    assert refusal.value.retry_after_s == 1
    assert await database.read(said) == ["y"]


async def test_a_statement_that_takes_too_long_harms_nobody_else(
    opening: Opening, at: Place
) -> None:
    database = opening(Place(at.conninfo, at.schema, statement_timeout_s=0.3))
    await database.migrate([LOG])
    slow = database.run(lambda each: each.execute("SELECT pg_sleep(5)"))

    done = await asyncio.gather(slow, database.run(add("x")), return_exceptions=True)

    assert isinstance(done[0], Unavailable)
    assert await database.read(said) == ["x"]


async def test_units_outlive_the_end_of_their_connection(
    opening: Opening, postgres: PostgresServer, at: Place
) -> None:
    database = opening()
    await database.migrate([LOG])
    ended: list[int] = []

    def unit(connection: Connection) -> None:
        add("x")(connection)
        if not ended:
            pid = connection.execute("SELECT pg_backend_pid() AS pid")[0]["pid"]
            ended.append(pid)
            postgres.ask(f"SELECT pg_terminate_backend({pid}, 5000)")
        add("y")(connection)

    await database.run(unit)

    assert await database.read(said) == ["x", "y"]


async def test_a_server_that_restarts_is_found_again(own_server: PostgresServer) -> None:
    database = PostgresDatabase(place(own_server))
    await database.migrate([LOG])
    await database.run(add("before"))
    await database.read(said)

    own_server.stop("immediate")
    refused = await asyncio.gather(
        database.run(add("never")), database.read(said), return_exceptions=True
    )
    own_server.start()
    await database.run(add("after"))

    assert [type(each) for each in refused] == [Unavailable, Unavailable]
    assert await database.read(said) == ["before", "after"]
    await database.close()


async def test_who_hears_hears_again_after_a_restart(own_server: PostgresServer) -> None:
    one, other = (PostgresDatabase(place(own_server, "hearing")) for _ in range(2))
    await one.migrate([LOG])

    async with asyncio.timeout(30), aclosing(cast("Any", other.heard())) as topics:
        first = await anext(topics)
        await asyncio.to_thread(own_server.stop, "fast")
        await asyncio.to_thread(own_server.start)
        again = await anext(topics)
        await one.run(lambda each: each.tell("news"))
        news = await anext(topics)

    assert (first, again, news) == ("", "", "news")
    await one.close()
    await other.close()


async def test_the_outcome_of_a_commit_that_was_not_answered_is_looked_up(opening: Opening) -> None:
    database = opening()
    await database.migrate([LOG])
    writer = database._writing

    def numbers(connection: Connection) -> str:
        add("x")(connection)
        return str(connection.execute("SELECT pg_current_xact_id()::text AS n")[0]["n"])

    def broken(connection: Connection) -> str:
        number = numbers(connection)
        raise NotFound(number)

    committed = await database.run(numbers)
    with pytest.raises(NotFound) as undone:
        await database.run(broken)
    outcomes = await asyncio.to_thread(
        lambda: [writer._became(each, []) for each in (committed, undone.value.message)]
    )

    assert outcomes == [True, False]


async def test_the_outcome_of_a_commit_before_a_restart_is_not_known(
    own_server: PostgresServer,
) -> None:
    database = PostgresDatabase(place(own_server))
    await database.migrate([LOG])

    def undone(connection: Connection) -> None:
        raise NotFound(connection.execute("SELECT pg_current_xact_id()::text AS n")[0]["n"])

    with pytest.raises(NotFound) as number:
        await database.run(undone)
    await asyncio.to_thread(own_server.stop, "immediate")
    await asyncio.to_thread(own_server.start)
    database._writing.close()

    loop = asyncio.get_running_loop()
    waiting = Waiting(undone, loop.create_future(), loop, durable=True)
    is_settled = await asyncio.to_thread(database._writing._became, number.value.message, [waiting])

    assert is_settled
    assert isinstance(waiting.error, Unavailable)
    await database.close()


async def test_a_migration_behind_a_long_reader_keeps_nobody_from_writing(
    opening: Opening, postgres: PostgresServer, at: Place
) -> None:
    import psycopg  # noqa: PLC0415 - as `pg_dump` does

    database = opening(replace(at, lock_timeout_s=0.2))
    await database.migrate([LOG])
    more = Migration(2, "0002_more", ("ALTER TABLE log ADD COLUMN more TEXT",))
    with capture_logs() as lines, psycopg.connect(postgres.url) as reader:
        reader.execute(f"LOCK TABLE {at.schema}.log IN ACCESS SHARE MODE".encode())

        migrating = asyncio.create_task(database.migrate([LOG, more]))
        await seen(lambda: lines)
        await opening().run(add("meanwhile"))
        was_done = migrating.done()
        reader.rollback()
        await migrating

    row = await database.read(lambda each: each.execute("SELECT said, more FROM log"))
    assert was_done is False
    assert [dict(each) for each in row] == [{"said": "meanwhile", "more": None}]


async def test_a_migration_gives_up_in_the_end(
    opening: Opening, postgres: PostgresServer, at: Place
) -> None:
    database = opening(replace(at, lock_timeout_s=0.1, migration_s=0.0))
    await opening().migrate([LOG])

    with _held(postgres, at), pytest.raises(Unavailable, match="could not be migrated"):
        await database.migrate([LOG])


async def seen(look: Any) -> None:  # noqa: ANN401 - a question
    """Wait until there is something to see."""
    async with asyncio.timeout(20):
        while not look():  # noqa: ASYNC110 - what is looked at sets no event
            await asyncio.sleep(0)


def _held(server: PostgresServer, here: Place) -> Any:  # noqa: ANN401 - a connection that closes
    """Hold the lock of a schema for a block, as a process that stands still does."""
    import psycopg  # noqa: PLC0415 - for this test alone

    connection = psycopg.connect(server.url)
    connection.execute(f"SELECT pg_advisory_xact_lock({here.lock})".encode())
    return connection
