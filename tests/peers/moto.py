"""AWS as moto plays it, on a free port of the loopback: what it keeps is gone with it.

It checks no signature, no policy and no time, and tells that all uploads began in 2010.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2

from tests.peers.ports import free_port, listens, wait_for
from tests.peers.programs import apart

_START_S = 30.0


@dataclass(slots=True)
class Moto:
    """One running `moto_server`, for any service of AWS."""

    port: int
    version: str
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Endpoint of every service."""
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        """Forget all that it keeps."""
        httpx2.post(f"{self.url}/moto-api/reset", trust_env=False).raise_for_status()

    def stop(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait(_START_S)


@contextlib.contextmanager
def moto_server(port: int = 0) -> Iterator[Moto]:
    """Run one for a block, at a port of its own or the one given; skip where there is none."""
    chosen, program = port or free_port(), apart("moto", "moto_server")
    version = _version(program)
    command = [program, "-H", "127.0.0.1", "-p", str(chosen)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        try:
            wait_for(lambda: listens(chosen), process, within_s=_START_S, what="moto_server")
            yield Moto(chosen, version, process)
        finally:
            process.kill()


def _version(program: str) -> str:
    python = program.replace("moto_server", "python")
    asks = "from importlib.metadata import version; print(version('moto'))"
    return subprocess.run(
        [python, "-c", asks], check=True, capture_output=True, text=True, timeout=30
    ).stdout.strip()
