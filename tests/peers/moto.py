"""Moto's server of one test run: it answers as AWS does, keeps all in memory, and is not AWS."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.peers.programs import apart

_START_S = 30.0


@dataclass(frozen=True, slots=True)
class MotoServer:
    """One running `moto_server`."""

    endpoint: str
    version: str
    """Name and version, as its own installation tells them."""

    @property
    def url(self) -> str:
        """Where it answers, over HTTP."""
        return self.endpoint

    @property
    def port(self) -> int:
        """Port that it listens at."""
        return int(self.endpoint.rpartition(":")[2])

    def forget(self) -> None:
        """Lose everything that it keeps."""
        httpx2.post(f"{self.endpoint}/moto-api/reset", timeout=10).raise_for_status()


@contextlib.contextmanager
def moto_server() -> Iterator[MotoServer]:
    """Run one for a block; skip where it is not installed."""
    program = apart("moto", "moto_server")
    port = _free_port()
    command = [program, "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _await(port)
            version = f"moto {_version(Path(program))}, a stand-in for AWS"
            yield MotoServer(f"http://127.0.0.1:{port}", version)
        finally:
            process.kill()


def _version(program: Path) -> str:
    (folder,) = program.parents[1].glob("lib/python*/site-packages/moto-*.dist-info")
    return folder.name.removeprefix("moto-").removesuffix(".dist-info")


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
            assert time.monotonic() < end, "moto_server did not start"
            time.sleep(0.05)  # sleeps: between two looks, for at most `_START_S`
        else:
            return
