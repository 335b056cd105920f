"""How a peer runs: its server, two worker processes, and a client that takes orders."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.measure import cpu_s, tree
from benchmarks.noop.contenders import Ground, NoBulk
from benchmarks.noop.servers import Server
from benchmarks.processes import Program, Programs
from benchmarks.tools import PEERS, node_modules

_ORDER_WITHIN_S: Final = 300
Argv = list[str | Path]


class RunningPeer:
    """A peer's server, workers and client."""

    def __init__(self, servers: Programs, workers: Programs, client: Programs) -> None:
        """Take the running programs."""
        self._servers = servers
        self._workers = workers
        self._client = client

    async def submit(self, count: int) -> float:
        """Have the client submit one by one; it takes the time itself."""
        return float(await _ordered(self._client, f"one {count}"))

    async def submit_in_bulk(self, count: int) -> float:
        """Have the client submit in bulk."""
        answer = await _ordered(self._client, f"bulk {count}")
        if answer == "none":
            raise NoBulk("has no call that submits many jobs at once")
        return float(answer)

    async def done(self) -> int:
        """Ask the client how many results are kept."""
        return int(await _ordered(self._client, "done"))

    def hold(self) -> None:
        """Stop the workers' processes."""
        self._signal(signal.SIGSTOP)

    def go(self) -> None:
        """Let them run on."""
        self._signal(signal.SIGCONT)

    def cpu_s(self) -> float:
        """Sum the servers' and the workers'."""
        return cpu_s(tree([*self._servers.roots, *self._workers.roots]))

    def client_cpu_s(self) -> float:
        """Give the client's."""
        return cpu_s(tree(self._client.roots))

    def _signal(self, number: signal.Signals) -> None:
        for process in tree(self._workers.roots):
            try:
                os.kill(process, number)
            except ProcessLookupError:
                continue


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One peer as a row of the table."""

    name: str
    is_synced: bool
    server: Callable[[Path], Awaitable[Server]]
    """Sets a server up in an empty folder."""
    workers: Callable[[Path], Sequence[Argv]]
    """Command lines, given the folder of tools: together two processes that work jobs off."""
    client: Callable[[Path], Argv]
    """Command line of what speaks as `peers/noop_orders.py` does."""
    found: Callable[[Path], str]
    """Names versions, given the folder of tools; raises `NotInstalled`."""
    environment: Mapping[str, str] = field(default_factory=dict)

    def versions(self, tools: Path) -> str:
        """Name the versions of the peer and its server."""
        return self.found(tools)

    @asynccontextmanager
    async def start(self, ground: Ground) -> AsyncIterator[RunningPeer]:
        """Start server, client and workers, in this order: the client makes the schema."""
        server = await self.server(ground.folder)
        given = {**_paths(ground.tools), **self.environment, **server.environment}
        client = Program("client", self.client(ground.tools), given, piped=True)
        async with (
            _started(server.programs, ground.folder, server.ready) as servers,
            Programs([client], ground.folder) as clients,
            _greeted(clients),
            Programs(_workers(self.workers(ground.tools), given), ground.folder) as workers,
        ):
            running = RunningPeer(servers, workers, clients)
            try:
                yield running
            finally:
                running.go()  # A stopped process does not end when it is asked to.


def _workers(commands: Sequence[Argv], environment: Mapping[str, str]) -> list[Program]:
    return [Program(f"worker{at}", argv, environment) for at, argv in enumerate(commands)]


@asynccontextmanager
async def _started(
    programs: Sequence[Program], folder: Path, ready: Callable[[], Awaitable[bool]]
) -> AsyncIterator[Programs]:
    async with Programs(programs, folder) as servers:
        await servers.ready(ready)
        yield servers


@asynccontextmanager
async def _greeted(client: Programs) -> AsyncIterator[None]:
    await _ordered(client, "")
    yield


async def _ordered(client: Programs, order: str) -> str:
    """Give a client an order and wait for its answer; without an order, for its greeting."""
    talk = client.running[0]
    assert talk.stdin
    assert talk.stdout
    if order:
        talk.stdin.write(f"{order}\n".encode())
    async with asyncio.timeout(_ORDER_WITHIN_S):
        answer = (await talk.stdout.readline()).decode().strip()
    if not answer:
        raise ChildProcessError(f"The client ended by itself. {client.logs()}")
    return answer


def _paths(tools: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(PEERS), "NODE_PATH": str(node_modules(tools))}
