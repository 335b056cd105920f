"""The commands with which operators prepare and change a PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from imagemill.cli.checks import State, schemas
from imagemill.settings import Settings
from tests.cli.programs import imagemill
from tests.peers.postgres import PostgresServer
from tests.peers.proof import server_mark

pytestmark = server_mark("postgres")


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """Give a database that nobody has used, as its administrator reaches it."""
    postgres.ask("DROP DATABASE IF EXISTS commands WITH (FORCE)")
    postgres.ask("CREATE DATABASE commands")
    return postgres.url.replace("/imagemill?", "/commands?")


def test_roles_are_made_and_each_schema_is_migrated_with_its_own(tmp_path: Path, url: str) -> None:
    file = tmp_path / "databases.env"

    made = imagemill("database", "init", file, IMAGEMILL_DATABASE_ADMIN_URL=url)
    lines = dict(line.split("=", 1) for line in file.read_text().splitlines())
    settings = Settings.load(lines, data=tmp_path)
    early = asyncio.run(schemas(settings))
    expanded = imagemill("migrate", "--phase", "expand", cwd=tmp_path, **lines)
    done = asyncio.run(schemas(settings))

    assert (made.code, "roles and schemas: users" in made.out) == (0, True), made.err
    assert (expanded.code, "Ready: users" in expanded.out) == (0, True), expanded.err
    assert {each.state for each in early} == {State.BROKEN}
    assert {each.state for each in done} == {State.GOOD}
    assert len(done) == 5


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    nobody = "postgresql://me:secret@127.0.0.1:1/imagemill"

    said = imagemill("migrate", "--data", tmp_path, IMAGEMILL_DATABASE_URL=nobody)

    assert said.code == 1
    assert "could not be migrated" in said.err
    assert "secret" not in said.err


def test_an_engine_that_is_not_known_is_refused(tmp_path: Path) -> None:
    said = imagemill(
        "migrate", "--data", tmp_path, IMAGEMILL_DATABASE_URL="mysql://me:secret@db/imagemill"
    )

    assert (said.code, "names an engine that is not known" in said.err) == (2, True)
    assert "secret" not in said.err
