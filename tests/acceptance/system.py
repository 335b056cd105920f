"""Imagemill as people run it: the program in a process of its own, with a folder of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

T = TypeVar("T")

UNLIMITED = {
    f"IMAGEMILL_GATEWAY_{each}": "0"
    for each in ("KEY_PER_MINUTE", "KEY_BURST", "ADDRESS_PER_MINUTE", "ADDRESS_BURST")
}
"""Tests come oftener than anybody may; those that are about that set the limits."""

PROGRAM = Path(sys.executable).with_name("imagemill")
_ADDRESS = re.compile(r"listens at (https?://\S+)")
_START_S = 40.0
"""Two busy cores start the program in 2 s; this is for a machine that does much else."""
_STOP_S = 20.0


def eventually(
    look: Callable[[], T | None], *, within_s: float = 20.0, what: str | Callable[[], str] = ""
) -> T:
    """Look until there is something to see; the only way in which these tests wait."""
    end = time.monotonic() + within_s
    while not (seen := look()):
        if time.monotonic() >= end:
            told = (what() if callable(what) else what) or getattr(look, "__name__", "it")
            raise AssertionError(f"waited {within_s} s in vain for {told}; saw {seen!r}")
        time.sleep(0.02)  # sleeps: between two looks, for at most `within_s`
    return seen


class Served(Protocol):
    """What answers at an address, in however many processes."""

    trusts: ssl.SSLContext | bool
    """Whose certificates its clients believe; True for everybody's."""

    @property
    def url(self) -> str:
        """Address that clients know."""
        ...

    @property
    def key(self) -> str:
        """The first API key."""
        ...


class System:
    """One running program: all services, or those named."""

    def __init__(
        self,
        data: Path,
        names: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        *,
        port: int = 0,
        within: Sequence[str] = (),
    ) -> None:
        """Start it; `within` is a command that runs it in its turn, such as `unshare`."""
        self.data = data
        self.trusts: ssl.SSLContext | bool = True
        started_at = time.monotonic_ns()
        self._logs = data.with_name(f"{data.name}-{'-'.join(names) or 'all'}-{started_at}")
        with self._log("out").open("wb") as out, self._log("err").open("wb") as err:
            self._process = subprocess.Popen(
                [*within, PROGRAM, "serve", *names, "--port", str(port), "--data", str(data)],
                env={**surroundings(), **UNLIMITED, **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    @property
    def pid(self) -> int:
        """Process id of the program."""
        return self._process.pid

    @property
    def url(self) -> str:
        """Address that it listens at; waits until it says so."""
        return eventually(self._announced, within_s=_START_S, what="the address")

    @property
    def port(self) -> int:
        """Port that it listens at, or did."""
        return int(self.url.rpartition(":")[2])

    @property
    def key(self) -> str:
        """The generated API key."""
        return (self.data / "admin-key").read_text(encoding="utf-8").strip()

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def said(self) -> str:
        """Read all that it wrote, for people and as log."""
        return "".join(self._log(kind).read_text(encoding="utf-8") for kind in ("out", "err"))

    def stop(self) -> int:
        """End it as an operator does; answer its exit code."""
        self.tell()
        return self.ended()

    def tell(self) -> None:
        """Tell it to end, without waiting for that."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut does, and wait until its children have noticed."""
        left = descendants(self.pid)
        self._process.kill()
        self._process.wait(_STOP_S)
        eventually(lambda: not any(map(is_alive, left)), what="the end of the children")

    def ended(self) -> int:
        """Wait until it has ended by itself; answer its exit code."""
        return self._process.wait(_STOP_S)

    def _announced(self) -> str | None:
        if found := _ADDRESS.search(self.said()):
            return found[1]
        assert self.is_running, f"it ended with {self._process.returncode}: {self.said()}"
        return None

    def _log(self, kind: str) -> Path:
        return self._logs.with_name(f"{self._logs.name}.{kind}")


@contextlib.contextmanager
def started(
    data: Path,
    *names: str,
    settings: Mapping[str, str] | None = None,
    port: int = 0,
) -> Iterator[System]:
    """Run the program for a block; settings are given without their prefix, in small letters."""
    given = {f"IMAGEMILL_{name.upper()}": value for name, value in (settings or {}).items()}
    system = System(data, names, given, port=port)
    try:
        yield system
    finally:
        if system.is_running:
            system.stop()


@contextlib.contextmanager
def still(system: System) -> Iterator[None]:
    """Let a process stand still for a block."""
    os.kill(system.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(system.pid, signal.SIGCONT)


def surroundings() -> dict[str, str]:
    """Give this process's environment without any setting of Imagemill."""
    return {name: value for name, value in os.environ.items() if not name.startswith("IMAGEMILL_")}


def descendants(pid: int) -> list[int]:
    """List the processes that a process started, and those that these started."""
    children = [each for each in _processes() if _parent(each) == pid]
    return children + [found for child in children for found in descendants(child)]


def decoders(pid: int) -> list[int]:
    """List the sandbox's children: they are the children of a child, the zygote."""
    return [found for child in descendants(pid) if _parent(child) == pid for found in _below(child)]


def is_alive(pid: int) -> bool:
    """Tell whether a process still runs; one that only waits to be buried does not."""
    status = _read(pid, "status")
    return bool(status) and "\nState:\tZ" not in status


def resident_bytes(pid: int) -> int:
    """Tell how much memory a process holds."""
    return int(re.findall(r"VmRSS:\s+(\d+) kB", _read(pid, "status"))[0]) * 1024


def opened_sockets(pid: int) -> int:
    """Count the sockets that a process has open."""
    found = 0
    for each in Path("/proc", str(pid), "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += str(each.readlink()).startswith("socket:")
    return found


def opened_secrets(pid: int) -> str:
    """Read what a process's environment and command line tell to whoever looks."""
    return _read(pid, "environ") + _read(pid, "cmdline")


def _below(pid: int) -> list[int]:
    return [each for each in _processes() if _parent(each) == pid]


def _processes() -> list[int]:
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]


def _parent(pid: int) -> int | None:
    found = re.search(r"PPid:\s+(\d+)", _read(pid, "status"))
    return int(found[1]) if found else None


def _read(pid: int, name: str) -> str:
    try:
        return Path("/proc", str(pid), name).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
