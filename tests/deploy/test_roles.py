"""The roles of the database, made as Compose makes them, and the services at work with them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.acceptance import pictures
from tests.acceptance.api import API
from tests.acceptance.system import PROGRAM, eventually, started, surroundings
from tests.peers.postgres import postgres_server

pytestmark = [
    pytest.mark.server,
    pytest.mark.timeout(150),
    pytest.mark.xdist_group("postgres-roles"),
]

SERVICES = ("users", "images", "jobs", "notifications", "queue")


@dataclass(frozen=True)
class Roles:
    """A PostgreSQL on which the roles were made."""

    address: str
    passwords: Path

    def url(self, role: str) -> str:
        """Address for a role."""
        password = (self.passwords / f"password-{role}").read_text(encoding="utf-8")
        return f"postgresql://imagemill_{role}:{password}@{self.address}/imagemill"

    def ask(self, role: str, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement as a role."""
        with psycopg.connect(self.url(role), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roles]:
    """Give a server with the roles made, twice, and migrated by the owner."""
    passwords, data = tmp_path_factory.mktemp("passwords"), tmp_path_factory.mktemp("data")
    for each in ("owner", *SERVICES):
        (passwords / f"password-{each}").write_text(f"of-{each}", encoding="utf-8")
    with postgres_server() as server:
        server.ask("CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'boss'")
        found = Roles(server.address, passwords)
        admin = {
            "IMAGEMILL_DATABASE_ADMIN_URL": f"postgresql://boss:boss@{server.address}/imagemill"
        }
        for _ in range(2):
            run("database", "init", "--passwords", str(passwords), environ=admin)
        owner = {f"IMAGEMILL_{each}_URL": found.url("owner") for each in ("DATABASE", "QUEUE")}
        run("migrate", "--phase", "expand", "--data", str(data), environ=owner)
        yield found


def run(*arguments: str, environ: dict[str, str]) -> None:
    subprocess.run(
        [PROGRAM, *arguments], env={**surroundings(), **environ}, check=True, capture_output=True
    )


def test_services_work_with_roles_that_may_change_rows_alone(roles: Roles, tmp_path: Path) -> None:
    urls = {f"database_{each}_url": roles.url(each) for each in SERVICES if each != "queue"}
    urls["queue_url"] = roles.url("queue")

    with started(tmp_path / "data", settings=urls) as system, API(system) as api:
        eventually(api.is_ready)
        job = api.completed(api.short("flip", pictures.jpeg()))

    assert job["status"] == "completed"
    assert roles.ask("jobs", "SELECT count(*) FROM jobs.jobs") == [(1,)]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_can_neither_change_tables_nor_look_into_the_schema_of_another(
    roles: Roles, service: str
) -> None:
    others = [each for each in SERVICES if each != service]
    statements = [f"CREATE TABLE {service}.more (id int)", "CREATE TABLE public.more (id int)"]
    statements += [f"TABLE {other}.schema_migrations" for other in others]

    for statement in statements:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            roles.ask(service, statement)
