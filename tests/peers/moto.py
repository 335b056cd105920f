"""Moto's server of one test run: it answers as AWS does, keeps all in memory, and is not AWS."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.peers.ports import free_port, wait_for_port
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
    port = free_port()
    command = [program, "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for_port(port, process, within_s=_START_S, what="moto_server")
            version = f"moto {_version(Path(program))}, a stand-in for AWS"
            yield MotoServer(f"http://127.0.0.1:{port}", version)
        finally:
            process.kill()


def _version(program: Path) -> str:
    (folder,) = program.parents[1].glob("lib/python*/site-packages/moto-*.dist-info")
    return folder.name.removeprefix("moto-").removesuffix(".dist-info")
