"""Migrations in two phases, on both engines, and with several processes at once."""

from __future__ import annotations

import asyncio
import importlib
import sys
from pathlib import Path

import pytest

from imagemill.database import Connection
from imagemill.database.migrations import Migration, Phase, migrations_of
from imagemill.errors import Unavailable
from tests.database.conftest import Opening
from tests.peers.engines import database_at
from tests.peers.proof import server_mark

OLD = Migration(1, "0001_old", ("CREATE TABLE things (name TEXT, size INTEGER)",))
WIDER = Migration(2, "0002_wider", ("ALTER TABLE things ADD COLUMN width INTEGER",))
WITHOUT = Migration(
    3, "0003_without", ("ALTER TABLE things DROP COLUMN size",), phase=Phase.CONTRACT
)
LATER = Migration(4, "0004_later", ("ALTER TABLE things ADD COLUMN height INTEGER",))
ALL = (OLD, WIDER, WITHOUT, LATER)


def seen(connection: Connection) -> list[int]:
    rows = connection.execute("SELECT number FROM schema_migrations ORDER BY number")
    return [row["number"] for row in rows]


@pytest.mark.both_engines
async def test_an_older_process_goes_on_between_the_phases(tmp_path: Path) -> None:
    database = database_at(tmp_path / "a.sqlite")
    write = "INSERT INTO things (name, size) VALUES ('x', 1)"
    await database.migrate([OLD])

    await database.migrate(ALL, Phase.EXPAND)
    expanded = await database.read(seen)
    await database.run(lambda each: each.execute(write))
    await database.migrate(ALL, Phase.CONTRACT)
    contracted = await database.read(seen)

    with pytest.raises(Exception, match="database"):
        await database.run(lambda each: each.execute(write))
    await database.close()
    assert (expanded, contracted) == ([1, 2, 4], [1, 2, 3, 4])


def test_a_file_says_its_phase_and_its_engine(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    schema = tmp_path / "with_phases" / "schema"
    schema.mkdir(parents=True)
    (schema.parent / "__init__.py").touch()
    (schema / "0001_things.sql").write_text("CREATE TABLE a (x TEXT);\n")
    (schema / "0001_things.postgres.sql").write_text("CREATE TABLE a (x JSON);\n")
    (schema / "0002_fewer.contract.sql").write_text("DROP TABLE b;\nDROP TABLE c;\n")
    sys.path.insert(0, str(tmp_path))
    request.addfinalizer(lambda: sys.path.remove(str(tmp_path)))
    importlib.invalidate_caches()

    found = migrations_of("with_phases")

    assert found == (
        Migration(1, "0001_things", ("CREATE TABLE a (x TEXT)",), ("CREATE TABLE a (x JSON)",)),
        Migration(2, "0002_fewer", ("DROP TABLE b", "DROP TABLE c"), phase=Phase.CONTRACT),
    )


@pytest.mark.xdist_group("postgres")
@pytest.mark.server
async def test_processes_that_migrate_at_once_do_so_one_after_the_other(opening: Opening) -> None:
    many = [opening() for _ in range(4)]

    async with asyncio.timeout(30):
        await asyncio.gather(*(each.migrate(ALL) for each in many))

    assert await many[0].read(seen) == [1, 2, 3, 4]


class TestLooking:
    """A service on PostgreSQL leaves the schema to operators."""

    pytestmark = server_mark("postgres")

    async def test_it_refuses_to_start_on_a_schema_that_is_too_old(self, opening: Opening) -> None:
        await opening().migrate([OLD])
        service = opening(migrates=False)

        with pytest.raises(Unavailable, match=r"is at 1, and this version needs 4: run `imagemill"):
            await service.migrate(ALL)

        assert await service.read(seen) == [1]

    async def test_it_refuses_to_start_where_there_is_none(self, opening: Opening) -> None:
        with pytest.raises(Unavailable, match="is at 0, and this version needs 4"):
            await opening(migrates=False).migrate(ALL)

    async def test_it_starts_between_the_phases_and_beside_a_newer_version(
        self, opening: Opening
    ) -> None:
        await opening().migrate(ALL, Phase.EXPAND)
        service = opening(migrates=False)

        await service.migrate(ALL)
        await service.migrate([OLD])

        assert await service.read(seen) == [1, 2, 4]
