"""Lock a process in: no path, no network, no other process, bounded memory, time and files."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass

from imagemill.engine import kernel, landlock, seccomp
from imagemill.engine.layers import Layer, State
from imagemill.engine.syscalls import MACHINES, Machine

NOBODY = 65534
"""User and group that own nothing, on every Linux."""


@dataclass(frozen=True)
class Bounds:
    """What one locked process may take."""

    memory_bytes: int
    """Address space."""
    cpu_s: int
    """Processor time of one order."""
    life_cpu_s: int
    """Processor time of its whole life; no order can lift it."""
    file_bytes: int
    """Size of any file it writes."""
    descriptors: int = 256
    """Open files: the original, further pictures and outputs of one order."""


@dataclass(frozen=True)
class Filter:
    """A compiled list of allowed system calls; None where the machine is not known."""

    machine: Machine | None
    compiled: bytes

    @classmethod
    def of(cls, channel: int, name: str = "") -> Filter:
        """Compile for this machine, or another one by name, once and before any fork."""
        machine = MACHINES.get(name or os.uname().machine)
        return cls(machine, seccomp.program(machine, channel) if machine else b"")


def lock(bounds: Bounds, calls: Filter, *, parent: int) -> tuple[Layer, ...]:
    """Put every layer in force on this process, for good, and tell which of them hold.

    Only what is loaded and open beforehand can be used afterwards. Layers that the kernel lacks
    are told as off; the others still hold. The process dies with `parent`, the one that forked it.
    """
    return (
        _tried("nobody", _drop),
        _tried("limits", lambda: _limit(bounds)),
        _tried("no_new_privileges", lambda: _renounce(parent)),
        _tried("landlock", lambda: f"ABI {landlock.restrict()}"),
        _tried("seccomp", lambda: _filter(calls)),
    )


def _tried(name: str, put: Callable[[], str | None]) -> Layer:
    try:
        note = put()
    except OSError as refusal:
        return Layer(name=name, state=State.OFF, note=str(refusal))
    state = State.ON if note is not None else State.NOT_NEEDED
    return Layer(name=name, state=state, note=note or "not started as root")


def _drop() -> str | None:
    if os.geteuid() != 0:
        return None
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    return f"user and group {NOBODY}"


def _limit(bounds: Bounds) -> str:
    for kind, most in (
        (resource.RLIMIT_AS, bounds.memory_bytes),
        (resource.RLIMIT_CPU, bounds.life_cpu_s),
        (resource.RLIMIT_FSIZE, bounds.file_bytes),
        (resource.RLIMIT_NOFILE, bounds.descriptors),
        (resource.RLIMIT_CORE, 0),
    ):
        most_here = _lowered(most, resource.getrlimit(kind)[1])
        resource.setrlimit(kind, (most_here, most_here))
    return f"{bounds.memory_bytes >> 20} MB of memory, {bounds.file_bytes} bytes a file"


def _lowered(wanted: int, hard: int) -> int:
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def _renounce(parent: int) -> str:
    kernel.prctl(kernel.SET_NO_NEW_PRIVILEGES, 1)
    kernel.prctl(kernel.SET_DUMPABLE, 0)
    # After the change of user, which would clear it.
    kernel.prctl(kernel.SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    return "no new privileges, not dumpable, dies with its parent"


def _filter(calls: Filter) -> str:
    if calls.machine is None:
        raise OSError(f"no table of system calls for {os.uname().machine}")
    seccomp.install(calls.machine, calls.compiled)
    return f"{len(calls.compiled) // 8} steps"
