"""The servers under the peers: each started in an empty folder on a free loopback port."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import Program
from benchmarks.systems import NotInstalled
from benchmarks.systems.queued import redis
from benchmarks.tools import postgres
from benchmarks.wire import HOST, free_port

_USER = "postgres"
"""PostgreSQL refuses to run as root; Debian's package makes this user."""


async def _at_once() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Server:
    """What must run before a peer's programs do, and how these find it."""

    environment: Mapping[str, str]
    programs: Sequence[Program] = ()
    ready: Callable[[], Awaitable[bool]] = field(default=_at_once)


async def redis_in(folder: Path) -> Server:
    """Set up a Redis that writes nothing to disk."""
    del folder
    port = free_port()
    return Server(
        {"BENCH_REDIS": f"redis://{HOST}:{port}", "BENCH_REDIS_PORT": str(port)},
        [Program("redis", redis(port))],
        lambda: asyncio.to_thread(_answers_ping, port),
    )


async def postgres_in(folder: Path) -> Server:
    """Set up a PostgreSQL with its own defaults: each commit is synced before it is answered."""
    port, cluster = free_port(), folder / "cluster"
    await asyncio.to_thread(_make_cluster, cluster)
    options = f"-p {port} -c listen_addresses={HOST} -c unix_socket_directories="
    argv: list[str | Path] = [*_as_user(), postgres("postgres"), "-D", cluster, *options.split()]
    return Server(
        {"BENCH_POSTGRES": f"host={HOST} port={port} user={_USER} dbname=postgres"},
        [Program("postgres", argv)],
        lambda: asyncio.to_thread(_is_ready, port),
    )


async def sqlite_in(folder: Path) -> Server:
    """Name a file; SQLite has no server."""
    return Server({"BENCH_SQLITE": str(folder / "jobs.sqlite")})


def check_postgres() -> None:
    """Raise `NotInstalled` when PostgreSQL cannot be run."""
    for program in ("initdb", "postgres", "pg_isready"):
        postgres(program)
    _as_user()


def _answers_ping(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _is_ready(port: int) -> bool:
    argv: list[str | Path] = [postgres("pg_isready"), "-q", "-h", HOST, "-p", str(port)]
    return subprocess.run(argv, check=False).returncode == 0


def _make_cluster(cluster: Path) -> None:
    cluster.mkdir()
    if os.geteuid() == 0:
        cluster.parent.chmod(0o711)  # The server's user must pass through to its folder.
        shutil.chown(cluster, _USER, _USER)
    options = f"--auth=trust --username={_USER} --no-sync -D".split()
    argv: list[str | Path] = [*_as_user(), postgres("initdb"), *options, cluster]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, cwd=cluster)


def _as_user() -> list[str]:
    """Give the words that run a command as the server's user, where we are root."""
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam(_USER)
    except KeyError as missing:
        raise NotInstalled(f"PostgreSQL does not run as root, and no user is {_USER}.") from missing
    return ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--init-groups"]
