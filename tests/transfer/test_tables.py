"""No table is forgotten: what is listed is what the schemas make."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from imagemill import assembly
from imagemill.backup.places import DATABASES
from imagemill.settings import Settings
from imagemill.transfer.tables import TABLES
from tests.transfer.moves import ask

OTHERS = {"schema_migrations", "sqlite_sequence"}
HELD = {"leases"}
"""Who does something for all at this moment; the new system's processes agree anew."""
DERIVED = "image_words"
"""The index of words, and the tables behind it, are written anew from images and texts."""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the databases as their schemas make them."""
    data = tmp_path_factory.mktemp("fresh")
    asyncio.run(assembly.migrate(Settings.load({}, data=data)))
    return data


def test_every_database_is_moved_and_in_the_order_of_a_backup() -> None:
    assert tuple(TABLES) == DATABASES


@pytest.mark.parametrize("name", DATABASES)
def test_every_table_of_a_database_is_moved(fresh: Path, name: str) -> None:
    tables = {
        row[0] for row in ask(fresh, name, "SELECT name FROM sqlite_master WHERE type='table'")
    }

    expected = {table for table in tables - OTHERS - HELD if not table.startswith(DERIVED)}
    assert sorted(each.name for each in TABLES[name]) == sorted(expected)


@pytest.mark.parametrize("name", DATABASES)
def test_a_table_is_read_in_the_order_of_its_primary_key(fresh: Path, name: str) -> None:
    keys = {
        each.name: tuple(
            row[0]
            for row in ask(
                fresh, name, "SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", each.name
            )
        )
        for each in TABLES[name]
    }

    assert {each.name: each.key for each in TABLES[name]} == keys


@pytest.mark.parametrize("name", DATABASES)
def test_every_column_whose_numbers_the_database_gives_goes_on(fresh: Path, name: str) -> None:
    numbered = {
        row[0]
        for row in ask(
            fresh, name, "SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'"
        )
    }

    assert {each.name for each in TABLES[name] if each.numbered} == numbered


@pytest.mark.parametrize("name", DATABASES)
def test_no_row_comes_before_the_one_that_it_names(fresh: Path, name: str) -> None:
    places = {each.name: n for n, each in enumerate(TABLES[name])}
    named = [
        (table, row[0])
        for table in places
        for row in ask(fresh, name, 'SELECT "table" FROM pragma_foreign_key_list(?)', table)
    ]

    assert [(table, other) for table, other in named if places[other] > places[table]] == []


@pytest.mark.parametrize("name", DATABASES)
def test_a_table_without_a_key_has_the_one_row_that_migrations_make(fresh: Path, name: str) -> None:
    whole = [each.name for each in TABLES[name] if not each.key]

    counts = {each: len(ask(fresh, name, f"SELECT * FROM {each}")) for each in whole}  # noqa: S608 - a name of ours
    assert set(counts.values()) <= {1}
