"""A Redis of one test run, on a free port of the loopback, which keeps nothing."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

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
    chosen = port or _free_port()
    command = [program("redis-server"), "--port", str(chosen), "--bind", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL
    ) as process:
        try:
            _await(chosen)
            yield RedisServer(chosen, process)
        finally:
            process.kill()


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _await(port: int) -> None:
    end = time.monotonic() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            assert time.monotonic() < end, "redis-server did not start"
            time.sleep(0.02)  # sleeps: between two looks, for at most `_START_S`
        else:
            return
