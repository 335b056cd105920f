"""The ways in which one installation is put together here, and how each is started."""

from __future__ import annotations

import secrets
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.engines.servers import served
from benchmarks.processes import Program, Programs, answers
from benchmarks.systems.imagemill import UNLIMITED, WaitingLane
from benchmarks.wire import HOST, Line, free_port

_COMMAND: Final = Path(sys.executable).with_name("imagemill")
_ALL: Final = ("users", "uploads", "jobs", "worker", "notifier", "gateway")
_SERVICES: Final = ("users", "uploads", "jobs", "notifier")
Argv = list[str | Path]
_UP: Final = "/health/live"


@dataclass(frozen=True, slots=True)
class Form:
    """One way to run Imagemill."""

    name: str
    engines: tuple[str, ...] = ()
    """Servers that it needs, by name; none is SQLite and the disk."""
    is_apart: bool = False
    """Whether each of the six processes runs by itself."""
    workers: int = 1


FORMS: Final = (
    Form("embedded: one process, SQLite, disk"),
    Form("one process, PostgreSQL with its queue", ("postgres",)),
    Form("one process, PostgreSQL, NATS", ("postgres", "nats")),
    Form("one process, PostgreSQL, RabbitMQ", ("postgres", "rabbitmq")),
    Form("one process, PostgreSQL, Kafka (Tansu)", ("postgres", "kafka")),
    Form("one process, PostgreSQL, SQS (moto)", ("postgres", "sqs")),
    Form("six processes, SQLite, disk", is_apart=True),
    Form("six processes, PostgreSQL, NATS, S3 (Ceph)", ("postgres", "nats", "s3"), is_apart=True),
    Form(
        "the same with a second worker",
        ("postgres", "nats", "s3"),
        is_apart=True,
        workers=2,
    ),
)


@dataclass(frozen=True, slots=True)
class Client:
    """What speaks to a running form."""

    port: int
    key: str
    roots: Mapping[str, int]
    """Process ids of the installation's own programs, by name; the servers are not among them."""

    def lane(self) -> WaitingLane:
        """Connect once more; a lane sends a photo as a job and waits for the answer."""
        return WaitingLane(Line(self.port), self.key)


@dataclass(slots=True)
class _Site:
    """Where the processes of one installation run, and what they are told."""

    folder: Path
    settings: Mapping[str, str]
    key: str = field(default_factory=lambda: "im_" + secrets.token_urlsafe(32))
    ports: dict[str, int] = field(default_factory=lambda: {each: free_port() for each in _ALL})

    def environment(self) -> dict[str, str]:
        """Give what every process of the installation is told."""
        key_file = self.folder / "first-key"
        key_file.write_text(self.key)
        key_file.chmod(0o600)
        return {**UNLIMITED, **self.settings, "IMAGEMILL_ADMIN_KEY_FILE": str(key_file)}

    def program(self, label: str, names: Sequence[str], port: int) -> Program:
        """Make the program that serves some processes at a port."""
        arguments = ["serve", *names, "--host", HOST, "--port", str(port)]
        peers = {
            f"IMAGEMILL_PEERS_{each.upper()}": f"http://{HOST}:{self.ports[each]}"
            for each in _SERVICES
            if names and each not in names
        }
        argv: Argv = [_COMMAND, *arguments, "--data", self.folder / "data"]
        return Program(label, argv, {**self.environment(), **peers})


@asynccontextmanager
async def running(form: Form, folder: Path) -> AsyncIterator[Client]:
    """Start a form with its servers in a folder; end all of it with the block."""
    async with AsyncExitStack() as opened:
        settings: dict[str, str] = {}
        for engine in form.engines:
            made = folder / engine
            made.mkdir()
            settings |= opened.enter_context(served(engine, made))
        site = _Site(folder, settings)
        await _prepared(site, form)
        begin = _apart if form.is_apart else _together
        yield Client(site.ports["gateway"], site.key, await begin(site, form, opened))


async def _prepared(site: _Site, form: Form) -> None:
    """Make the schemas, where they lie in a server of their own."""
    if "postgres" not in form.engines:
        return
    argv: Argv = [_COMMAND, "migrate", "--data", site.folder / "data"]
    async with Programs([Program("migrate", argv, site.environment())], site.folder) as programs:
        if await programs.running[0].wait():
            raise ChildProcessError(programs.logs())


async def _together(site: _Site, form: Form, opened: AsyncExitStack) -> dict[str, int]:
    del form
    port = site.ports["gateway"]
    programs = await opened.enter_async_context(
        Programs([site.program("server", (), port)], site.folder)
    )
    await programs.ready(partial(answers, port, "/health/ready"))
    return {"server": programs.roots[0]}


async def _apart(site: _Site, form: Form, opened: AsyncExitStack) -> dict[str, int]:
    roots: dict[str, int] = {}
    more = [(f"worker{at}", "worker", free_port()) for at in range(1, form.workers)]
    for label, name, port in [*((each, each, site.ports[each]) for each in _ALL), *more]:
        programs = Programs([site.program(label, (name,), port)], site.folder)
        begun = await opened.enter_async_context(programs)
        await begun.ready(partial(answers, port, _UP))
        roots[label] = begun.roots[0]
    await begun.ready(partial(answers, site.ports["gateway"], "/health/ready"))
    return roots
