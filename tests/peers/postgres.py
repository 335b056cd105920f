"""A PostgreSQL of one test run: files and socket in a temporary folder, a free loopback port."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.peers.ports import free_port
from tests.peers.programs import program

_LIMIT_S: Final = 60.0
_ADMIN: Final = "admin"
_OPTIONS: Final = "-c log_statement=none -c max_connections=200 -c shared_buffers=32MB"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """One installation, which can be stopped and started."""

    folder: Path
    port: int
    options: str

    @property
    def url(self) -> str:
        """Address of the database `imagemill` for its administrator, by the socket."""
        return f"postgresql://{_ADMIN}@/imagemill?host={self.folder}&port={self.port}"

    @property
    def address(self) -> str:
        """Host and port; who comes that way needs a password."""
        return f"127.0.0.1:{self.port}"

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement as the administrator, outside of any transaction."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    @property
    def version(self) -> str:
        """Tell the version as the server does."""
        return f"PostgreSQL {str(self.ask('SHOW server_version')[0][0]).split()[0]}"

    def start(self) -> None:
        """Start it, and return when it answers."""
        said = f"{self.options} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        said += f"{self.folder} -p {self.port}"
        log = ("-l", str(self.folder / "log"))
        _run("pg_ctl", "-D", str(self.folder / "data"), "-w", *log, "-o", said, "start")

    def stop(self, mode: str = "immediate") -> None:
        """End it: `immediate` as a crash does, `fast` in good order."""
        _run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", mode, "stop")


@contextlib.contextmanager
def postgres_server(*, is_synced: bool = False) -> Iterator[PostgresServer]:
    """Run one for a block; skip where there is none. Unsynced, it is faster and dies with power."""
    program("initdb")
    # Not pytest's folder: that is below one which only its owner may enter, and sockets need
    # a short path.
    folder = Path(tempfile.mkdtemp(prefix="imagemill-pg-"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
        _run(
            *("initdb", "-D", str(folder / "data"), "-U", _ADMIN, "--no-sync", "-E", "UTF8"),
            *("--locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256"),
        )
        options = _OPTIONS + ("" if is_synced else " -c fsync=off -c full_page_writes=off")
        server = PostgresServer(folder, free_port(), options)
        server.start()
        try:
            _make_database(server)
            yield server
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make_database(server: PostgresServer) -> None:
    url = server.url.replace("/imagemill?", "/postgres?")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE imagemill")


def _run(name: str, *arguments: str) -> None:
    """Run one of its programs, which refuse to be run by root."""
    subprocess.run(
        [program(name), *arguments],
        check=True,
        timeout=_LIMIT_S,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        **_as_another_user(),
    )


def _as_another_user() -> Mapping[str, Any]:
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
