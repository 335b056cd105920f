"""A Redis of one test run, on a free port of the loopback, which keeps nothing."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from tests.peers.ports import free_port, wait_for_port
from tests.peers.programs import program

_START_S = 10.0


@dataclass(frozen=True, slots=True)
class RedisServer:
    """One running `redis-server`."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Address of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        """End it at once, as a power cut does."""
        self.process.kill()
        self.process.wait(_START_S)


@contextlib.contextmanager
def redis_server(port: int = 0) -> Iterator[RedisServer]:
    """Run one for a block, at a port of its own or the one given; skip where there is none."""
    chosen = port or free_port()
    command = [program("redis-server"), "--port", str(chosen), "--bind", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL
    ) as process:
        try:
            wait_for_port(chosen, process, within_s=_START_S, what="redis-server")
            yield RedisServer(chosen, process)
        finally:
            process.kill()
