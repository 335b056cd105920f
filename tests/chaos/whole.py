"""The whole system in one process: started again after each death, with what it promised."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tests.acceptance.api import API
from tests.acceptance.system import System, eventually
from tests.chaos.parts import QUICKLY
from tests.peers.ports import free_port

WITHOUT_WORKER = ("gateway", "users", "uploads", "jobs", "notifier")


@dataclass
class Whole:
    """One program at one port, of which one run after the other is killed."""

    data: Path
    port: int = field(default_factory=free_port)
    runs: list[System] = field(default_factory=list)

    @property
    def now(self) -> System:
        """The newest run."""
        return self.runs[-1]

    def start(self, *names: str, **settings: str) -> float:
        """Start it and wait until it is ready; give the seconds that this took."""
        began = time.monotonic()
        self.launch(*names, **settings)
        eventually(self.is_ready, within_s=60, what="readiness")
        return time.monotonic() - began

    def launch(self, *names: str, **settings: str) -> System:
        """Start it without waiting for anything."""
        given = {f"IMAGEMILL_{k.upper()}": v for k, v in {**QUICKLY, **settings}.items()}
        self.runs.append(System(self.data, names, given, port=self.port))
        return self.now

    def is_ready(self) -> bool:
        """Ask an orchestrator's question; raises when the program has ended instead."""
        assert self.now.is_running, self.now.said()[-2000:]
        try:
            answer = httpx2.get(f"http://127.0.0.1:{self.port}/health/ready", trust_env=False)
        except httpx2.HTTPError:
            return False
        return answer.text == "ready"


@contextlib.contextmanager
def killed_at_last(data: Path) -> Iterator[Whole]:
    """Give a system that is not started yet, and end it with the block."""
    whole = Whole(data)
    try:
        yield whole
    finally:
        for each in whole.runs:
            if each.is_running:
                each.kill()


def api_of(whole: Whole) -> API:
    """Give a client to the newest run."""
    return API(whole.now)
