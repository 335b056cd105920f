"""The system in several processes on one folder: the core, the gateway, and workers to kill."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.api import API
from tests.acceptance.system import System, eventually
from tests.peers.ports import free_port

CORE = ("users", "uploads", "jobs", "notifier")
QUICKLY: Mapping[str, str] = {
    "jobs_lease_s": "2",
    "jobs_sweep_every_s": "0.5",
    "queue_lease_s": "2",
    "sandbox_children": "1",
}
"""Settings with which the job of a dead worker is taken back soon, and a start costs little."""


@dataclass
class Parts:
    """A core (every service but these two), a gateway in front of it, and workers beside it.

    The gateway is a process of its own because workers ask the jobs service at its own address,
    which a gateway in the same process would hide.
    """

    data: Path
    core_port: int
    jobs_address: str
    """Where workers look for the jobs service; the core itself if empty."""
    gateway_port: int = field(default_factory=free_port)
    workers: list[System] = field(default_factory=list)
    started: list[System] = field(default_factory=list)
    """Every program that was ever started here, to be ended with the block."""

    def start_core(self) -> System:
        """Start the core, at the same port each time."""
        self.core = self._start(*CORE, port=self.core_port)
        return self.core

    def start_gateway(self) -> System:
        """Start the gateway, at the same port each time."""
        self.gateway = self._start("gateway", port=self.gateway_port)
        return self.gateway

    def start_worker(self) -> System:
        """Start one more worker."""
        self.workers.append(self._start("worker"))
        return self.workers[-1]

    def end(self) -> None:
        """End whatever still runs, the stopped ones too."""
        for each in self.started:
            if each.is_running:
                each.kill()

    def _start(self, *names: str, port: int = 0) -> System:
        core = f"http://127.0.0.1:{self.core_port}"
        peers = {f"peers_{name}": core for name in ("users", "uploads", "jobs")}
        peers |= {"peers_jobs": self.jobs_address or core} if names == ("worker",) else {}
        given = {} if names == CORE else peers
        environ = {f"IMAGEMILL_{k.upper()}": v for k, v in {**QUICKLY, **given}.items()}
        self.started.append(System(self.data, names, environ, port=port))
        return self.started[-1]


@contextlib.contextmanager
def running(
    data: Path, *, workers: int = 0, core_port: int = 0, jobs_address: str = ""
) -> Iterator[tuple[Parts, API]]:
    """Run core and gateway for a block, and workers; give the parts and a client to them."""
    parts = Parts(data, core_port=core_port or free_port(), jobs_address=jobs_address)
    with contextlib.ExitStack() as opened:
        opened.callback(parts.end)
        parts.start_core()
        parts.start_gateway()
        for _ in range(workers):
            parts.start_worker()
        _ = parts.core.url
        api = opened.enter_context(API(parts.gateway))
        eventually(api.is_ready, within_s=40)
        yield parts, api
