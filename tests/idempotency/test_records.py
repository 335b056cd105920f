"""Remembered answers in a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from imagemill.database import Connection, Database
from imagemill.database.migrations import migrations_of
from imagemill.errors import RequestInProgress
from imagemill.idempotency import KEPT_S, Remembered
from imagemill.idempotency.records import find, forget, keep
from tests.peers.engines import database_at

NOW = 1_000_000.0
ANSWER = Remembered("meaning", 201, "/api/v1/images/i", "{}", "i", NOW)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = database_at(tmp_path / "test.sqlite")
    await opened.migrate(migrations_of("imagemill.uploads"))
    yield opened
    await opened.close()


async def found(database: Database, owner: str = "o", after: float = 0.0) -> Remembered | None:
    return await database.read(lambda each: find(each, owner, "k", after))


async def test_an_answer_is_found_by_its_owner_alone(database: Database) -> None:
    await database.run(lambda each: keep(each, "o", "k", ANSWER))

    assert await found(database) == ANSWER
    assert await found(database, "other") is None


async def test_an_old_answer_is_not_found(database: Database) -> None:
    await database.run(lambda each: keep(each, "o", "k", ANSWER))

    assert await found(database, after=NOW) is None


@pytest.mark.both_engines
async def test_a_key_that_another_process_took_undoes_the_whole_transaction(
    database: Database,
) -> None:
    def made(connection: Connection) -> None:
        keep(connection, "o", "second", ANSWER)
        keep(connection, "o", "k", replace(ANSWER, fingerprint="other"))

    await database.run(lambda each: keep(each, "o", "k", ANSWER))

    with pytest.raises(RequestInProgress):
        await database.run(made)

    assert await found(database) == ANSWER
    assert await database.read(lambda each: find(each, "o", "second", 0.0)) is None


async def test_an_answer_that_is_too_old_makes_room_for_a_new_one(
    database: Database,
) -> None:
    newer = replace(ANSWER, fingerprint="other", created_at=NOW + KEPT_S)
    await database.run(lambda each: keep(each, "o", "k", ANSWER))

    await database.run(lambda each: keep(each, "o", "k", newer))

    assert await found(database) == newer


@pytest.mark.both_engines
async def test_old_answers_are_forgotten_a_few_at_a_time(database: Database) -> None:
    def kept(connection: Connection) -> None:
        for number in range(5):
            each = replace(ANSWER, created_at=NOW + number)
            keep(connection, "o", f"k{number}", each)

    await database.run(kept)

    counts = [await database.run(lambda each: forget(each, NOW + 3, 3)) for _ in range(3)]

    assert counts == [3, 1, 0]
    assert await database.read(lambda each: find(each, "o", "k4", 0.0))
