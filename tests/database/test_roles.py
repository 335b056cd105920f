"""A role that owns tables, and one for each service, which can touch its own rows alone."""

from __future__ import annotations

import stat
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from imagemill import assembly
from imagemill.errors import InvalidRequest, Unavailable
from imagemill.settings import PeerSettings, Settings
from tests.peers.postgres import PostgresServer
from tests.peers.proof import server_mark

pytestmark = server_mark("postgres")


def addresses(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


@pytest.fixture(scope="module")
def file(own_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make roles and schemas with all tables; give the file with the addresses."""
    written = tmp_path_factory.mktemp("roles") / "databases.env"
    # By the loopback, where passwords count, as an administrator who has one.
    own_server.ask("CREATE ROLE boss SUPERUSER LOGIN PASSWORD 'boss'")
    url = f"postgresql://boss:boss@{own_server.address}/imagemill"
    assembly.prepare_postgres(Settings.load({"IMAGEMILL_DATABASE_ADMIN_URL": url}), written)
    return written


async def test_the_owner_has_every_table_whoever_changes_its_rows(
    file: Path, own_server: PostgresServer, tmp_path: Path
) -> None:
    settings = Settings.load(addresses(file), data=tmp_path)

    names = await assembly.migrate(settings)
    owners = own_server.ask(
        "SELECT DISTINCT schemaname, tableowner FROM pg_tables WHERE tableowner ~ 'imagemill_'"
    )

    assert set(names) == {"users", "images", "jobs", "notifications", "queue"}
    assert set(owners) == {(name, "imagemill_owner") for name in names}
    assert await assembly.states(settings) == dict.fromkeys(
        ("users", "images", "jobs", "notifications", "queue"), ""
    )


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM users.accounts",
        "SELECT * FROM queue.messages",
        "CREATE TABLE jobs.more (x TEXT)",
        "DROP TABLE jobs.jobs",
        "SET ROLE imagemill_owner",
        "CREATE TABLE users.mine (x TEXT)",
        "CREATE TABLE public.mine (x TEXT)",
        "CREATE SCHEMA mine",
        "CREATE TEMP TABLE mine (x TEXT)",
        "SET ROLE imagemill_users",
    ],
)
async def test_the_role_of_jobs_can_touch_nothing_of_others(
    file: Path, tmp_path: Path, statement: str
) -> None:
    await assembly.migrate(Settings.load(addresses(file), data=tmp_path))
    url = addresses(file)["IMAGEMILL_DATABASE_JOBS_URL"]

    with (
        psycopg.connect(url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_the_file_is_its_owners_and_keeps_passwords_that_were_made(
    file: Path, own_server: PostgresServer
) -> None:
    before = file.read_text()
    url = f"postgresql://boss:boss@{own_server.address}/imagemill"

    assembly.prepare_postgres(Settings.load({"IMAGEMILL_DATABASE_ADMIN_URL": url}), file)

    assert file.read_text() == before
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    psycopg.connect(addresses(file)["IMAGEMILL_QUEUE_URL"]).close()


def test_passwords_of_a_folder_are_those_that_the_roles_get(
    file: Path, own_server: PostgresServer, tmp_path: Path
) -> None:
    url = f"postgresql://boss:boss@{own_server.address}/imagemill"
    settings = Settings.load({"IMAGEMILL_DATABASE_ADMIN_URL": url})
    for variable, address in addresses(file).items():
        name = variable.removesuffix("_URL").rpartition("_")[2].lower()
        password = conninfo_to_dict(address)["password"]
        (tmp_path / f"password-{name}").write_text(f"{password}\n", encoding="utf-8")
    (tmp_path / "password-jobs").write_text("a/b: c%?@", encoding="utf-8")
    written = tmp_path / "databases.env"

    assembly.prepare_postgres(settings, None, tmp_path)
    assembly.prepare_postgres(settings, written, tmp_path)

    for address in addresses(written).values():
        psycopg.connect(address).close()
    assembly.prepare_postgres(settings, file)  # As the other tests know them.


def test_a_password_that_is_missing_or_empty_is_refused_by_name(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    url = f"postgresql://boss:boss@{own_server.address}/imagemill"
    settings = Settings.load({"IMAGEMILL_DATABASE_ADMIN_URL": url})

    with pytest.raises(InvalidRequest, match="password-owner cannot be read"):
        assembly.prepare_postgres(settings, None, tmp_path)
    (tmp_path / "password-owner").write_text("\n", encoding="utf-8")
    with pytest.raises(InvalidRequest, match="password-owner is empty"):
        assembly.prepare_postgres(settings, None, tmp_path)


def test_without_a_place_for_passwords_nothing_is_made(own_server: PostgresServer) -> None:
    url = f"postgresql://boss:boss@{own_server.address}/imagemill"

    with pytest.raises(InvalidRequest, match="Name a FILE"):
        assembly.prepare_postgres(Settings.load({"IMAGEMILL_DATABASE_ADMIN_URL": url}), None)


def test_an_administrator_need_be_no_superuser(file: Path, own_server: PostgresServer) -> None:
    own_server.ask("CREATE ROLE keeper CREATEROLE LOGIN PASSWORD 'keeper'")
    own_server.ask("ALTER DATABASE imagemill OWNER TO keeper")
    url = f"postgresql://keeper:keeper@{own_server.address}/imagemill"

    assembly.prepare_postgres(Settings.load({"IMAGEMILL_DATABASE_ADMIN_URL": url}), file)

    held = own_server.ask(
        "SELECT 1 FROM pg_auth_members WHERE member = 'keeper'::regrole "
        "AND roleid = 'imagemill_owner'::regrole"
    )
    assert held == []


async def test_what_a_service_owned_becomes_the_owners(
    file: Path, own_server: PostgresServer, tmp_path: Path
) -> None:
    await assembly.migrate(Settings.load(addresses(file), data=tmp_path))
    own_server.ask("ALTER SCHEMA users OWNER TO imagemill_users")
    own_server.ask("ALTER TABLE users.accounts OWNER TO imagemill_users")
    url = f"postgresql://boss:boss@{own_server.address}/imagemill"

    assembly.prepare_postgres(Settings.load({"IMAGEMILL_DATABASE_ADMIN_URL": url}), file)

    with psycopg.connect(addresses(file)["IMAGEMILL_DATABASE_USERS_URL"]) as connection:
        connection.execute("SELECT * FROM users.accounts")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DROP TABLE users.accounts")


def test_without_an_administrator_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="IMAGEMILL_DATABASE_ADMIN_URL is not set"):
        assembly.prepare_postgres(Settings.load({}), tmp_path / "databases.env")

    assert list(tmp_path.iterdir()) == []


def test_who_may_not_make_roles_is_told_what_the_server_said(
    file: Path, own_server: PostgresServer, tmp_path: Path
) -> None:
    own_server.ask("CREATE ROLE clerk LOGIN PASSWORD 'clerk'")
    own_server.ask("GRANT CONNECT ON DATABASE imagemill TO clerk")
    url = f"postgresql://clerk:clerk@{own_server.address}/imagemill"
    settings = Settings.load({"IMAGEMILL_DATABASE_ADMIN_URL": url})

    with pytest.raises(Unavailable, match="could not be made: permission denied"):
        assembly.prepare_postgres(settings, tmp_path / "databases.env")


async def test_a_service_does_not_start_on_a_schema_that_nobody_made(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    settings = Settings.load({"IMAGEMILL_DATABASE_URL": postgres.url}, data=tmp_path)
    peers = dict.fromkeys(("uploads", "jobs", "notifier"), "http://127.0.0.1:9")
    settings = settings.model_copy(update={"peers": PeerSettings(**peers)})

    with pytest.raises(Unavailable, match="run `imagemill migrate` first"):
        async with assembly.running(settings, ["users"]):
            pass


async def test_a_backup_names_the_tool_that_makes_one(file: Path, tmp_path: Path) -> None:
    settings = Settings.load(addresses(file), data=tmp_path)

    with pytest.raises(InvalidRequest, match="pg_dump"):
        async with assembly.backup_source(settings):
            pass
