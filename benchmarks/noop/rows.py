"""The peers, each as its documentation has it for two worker processes with results kept.

None is slowed down to match another: where a worker can have several jobs in hand it may.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.noop.peers import Argv, Peer
from benchmarks.noop.servers import check_postgres, postgres_in, redis_in, sqlite_in
from benchmarks.tools import (
    CELERY,
    DRAMATIQ,
    HUEY,
    PEERS,
    PROCRASTINATE,
    TASKIQ,
    Environment,
    installed,
    node,
    node_versions,
    postgres_version,
    python_of,
    redis_version,
    sqlite_version,
)

_CELERY_WORKER = (
    "celery -A noop_celery:tasks worker --concurrency 2 --loglevel WARNING"
    " --without-gossip --without-mingle --without-heartbeat"
)
_DRAMATIQ_WORKER = "dramatiq noop_dramatiq --processes 2 --threads 8"
_TASKIQ_WORKER = "taskiq worker noop_taskiq:broker --workers 2 --log-level WARNING"
_PROCRASTINATE_WORKER = "procrastinate --app noop_procrastinate.app worker --concurrency 10"
# Left alone, an idle huey looks for jobs every ten seconds.
_HUEY_WORKER = (
    "huey.bin.huey_consumer noop_huey.huey --workers 2 --worker-type process --max-delay 0.1"
)


def _commands(environment: Environment, *commands: str) -> Callable[[Path], Sequence[Argv]]:
    """Give command lines of modules that run in a peer's environment."""
    return lambda tools: [
        [python_of(tools, environment), "-m", *command.split()] for command in commands
    ]


def _client(environment: Environment, module: str) -> Callable[[Path], Argv]:
    return lambda tools: [python_of(tools, environment), "-m", "noop_orders", module]


def _on_redis(environment: Environment) -> Callable[[Path], str]:
    return lambda tools: f"{installed(tools, environment)}, {redis_version()}"


def _on_postgres(tools: Path) -> str:
    check_postgres()
    return f"{installed(tools, PROCRASTINATE)}, {postgres_version()}"


def _on_sqlite(tools: Path) -> str:
    return f"{installed(tools, HUEY)}, {sqlite_version(python_of(tools, HUEY))}"


CELERY_ROW: Final = Peer(
    name="Celery, Redis",
    is_synced=False,
    server=redis_in,
    workers=_commands(CELERY, _CELERY_WORKER),
    client=_client(CELERY, "noop_celery"),
    found=_on_redis(replace(CELERY, shown=("celery", "redis"))),
)
DRAMATIQ_ROW: Final = Peer(
    name="dramatiq, Redis",
    is_synced=False,
    server=redis_in,
    workers=_commands(DRAMATIQ, _DRAMATIQ_WORKER),
    client=_client(DRAMATIQ, "noop_dramatiq"),
    found=_on_redis(DRAMATIQ),
)
TASKIQ_ROW: Final = Peer(
    name="taskiq, Redis",
    is_synced=False,
    server=redis_in,
    workers=_commands(TASKIQ, _TASKIQ_WORKER),
    client=_client(TASKIQ, "noop_taskiq"),
    found=_on_redis(TASKIQ),
)
PROCRASTINATE_ROW: Final = Peer(
    name="procrastinate, PostgreSQL",
    is_synced=True,
    server=postgres_in,
    workers=_commands(PROCRASTINATE, _PROCRASTINATE_WORKER, _PROCRASTINATE_WORKER),
    client=_client(PROCRASTINATE, "noop_procrastinate"),
    found=_on_postgres,
)
HUEY_ROW: Final = Peer(
    name="huey, SQLite, fsync=False",
    is_synced=False,
    server=sqlite_in,
    workers=_commands(HUEY, _HUEY_WORKER),
    client=_client(HUEY, "noop_huey"),
    found=_on_sqlite,
    environment={"BENCH_SYNCED": "no"},
)
HUEY_SYNCED_ROW: Final = Peer(
    name="huey, SQLite",
    is_synced=True,
    server=sqlite_in,
    workers=_commands(HUEY, _HUEY_WORKER),
    client=_client(HUEY, "noop_huey"),
    found=_on_sqlite,
    environment={"BENCH_SYNCED": "yes"},
)
BULLMQ_ROW: Final = Peer(
    name="BullMQ, Redis",
    is_synced=False,
    server=redis_in,
    workers=lambda _: [[node(), PEERS / "noop_bullmq_worker.cjs"]] * 2,
    client=lambda _: [node(), PEERS / "noop_bullmq_client.cjs"],
    found=lambda tools: f"{node_versions(tools, ('bullmq', 'ioredis'))}, {redis_version()}",
    environment={"BENCH_AT_ONCE": "50", "NODE_ENV": "production"},
)
