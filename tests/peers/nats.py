"""A NATS server of one test run with JetStream, on a free port of the loopback."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.ports import free_port, wait_for_port
from tests.peers.programs import program

_START_S = 10.0


@dataclass(slots=True)
class NATSServer:
    """One `nats-server`; may be killed, wiped and started again on the same port."""

    folder: Path
    port: int
    options: Sequence[str] = ()
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def version(self) -> str:
        """Name and version, as the program tells it."""
        said = subprocess.run(
            [program("nats-server"), "--version"], capture_output=True, text=True, check=True
        )
        return said.stdout.strip().replace(": v", " ")

    def start(self) -> None:
        """Run it over what the folder holds; returns when it listens."""
        command = [program("nats-server"), "-js", "-a", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "-sd", str(self.folder), *self.options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.port, self.process, within_s=_START_S, what="nats-server")

    def stop(self) -> None:
        """Let it end in good order."""
        self.process.terminate()
        self.process.wait(_START_S)

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        self.process.kill()
        self.process.wait(_START_S)

    def wipe(self) -> None:
        """Lose all that it kept, while it does not run."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()


@contextlib.contextmanager
def nats_server(folder: Path, options: Sequence[str] = ()) -> Iterator[NATSServer]:
    """Run one for a block; skip where there is none."""
    server = NATSServer(folder, free_port(), options)
    try:
        server.start()
        yield server
    finally:
        server.kill()
