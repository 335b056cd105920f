"""The filter's verdicts, computed as the kernel does, also for machines that are not here."""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence

import pytest

from imagemill.engine import seccomp
from imagemill.engine.syscalls import MACHINES

CHANNEL = 3
EACCES, EPERM, ENOSYS = (seccomp.refuse(each) for each in (errno.EACCES, errno.EPERM, errno.ENOSYS))
SOCKET = {"x86_64": 41, "aarch64": 198}
EXECVE = {"x86_64": 59, "aarch64": 221}


def verdict(name: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """Run the compiled filter on one call, as the kernel's machine does."""
    machine = MACHINES[name]
    steps = list(struct.iter_unpack("=HBBI", seccomp.program(machine, CHANNEL)))
    padded = (*arguments, *[0] * (6 - len(arguments)))
    call = struct.pack("=IIQ6Q", number, audit or machine.audit, 0, *padded)
    return _run(steps, call)


def _run(steps: Sequence[tuple[int, int, int, int]], call: bytes) -> int:
    at, loaded = 0, 0
    while True:
        code, if_true, if_false, operand = steps[at]
        if code == 0x06:
            return operand
        if code == 0x20:
            loaded = struct.unpack_from("=I", call, operand)[0]
            at += 1
            continue
        holds = {0x15: loaded == operand, 0x35: loaded >= operand, 0x45: bool(loaded & operand)}
        at += 1 + (if_true if holds[code] else if_false)


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("call", ["read", "write", "futex", "exit_group", "close_range"])
def test_what_pixels_need_is_allowed(machine: str, call: str) -> None:
    assert verdict(machine, MACHINES[machine].numbers[call]) == seccomp.ALLOW


@pytest.mark.parametrize("call", ["openat", "statx", "readlinkat", "unlinkat", "newfstatat"])
def test_paths_are_refused_and_do_not_kill(machine: str, call: str) -> None:
    assert verdict(machine, MACHINES[machine].numbers[call]) == EACCES


@pytest.mark.parametrize("calls", [SOCKET, EXECVE])
def test_what_is_not_listed_kills(machine: str, calls: dict[str, int]) -> None:
    assert verdict(machine, calls[machine]) == seccomp.KILL


def test_a_call_by_another_machines_numbers_kills(machine: str) -> None:
    assert verdict(machine, MACHINES[machine].numbers["read"], audit=0x40000003) == seccomp.KILL


def test_the_second_table_of_x86_kills() -> None:
    assert verdict("x86_64", 0x40000000) == seccomp.KILL


def test_messages_come_from_the_own_socket_only(machine: str) -> None:
    receive = MACHINES[machine].numbers["recvmsg"]

    assert verdict(machine, receive, CHANNEL) == seccomp.ALLOW
    assert verdict(machine, receive, CHANNEL + 1) == seccomp.KILL


def test_threads_may_start_and_processes_may_not(machine: str) -> None:
    numbers = MACHINES[machine].numbers

    assert verdict(machine, numbers["clone"], 0x10100) == seccomp.ALLOW
    assert verdict(machine, numbers["clone"], 17) == EPERM
    assert verdict(machine, numbers["clone3"]) == ENOSYS


@pytest.mark.parametrize("call", ["mmap", "mprotect"])
def test_memory_never_becomes_code(machine: str, call: str) -> None:
    number = MACHINES[machine].numbers[call]

    assert verdict(machine, number, 0, 4096, 0b011) == seccomp.ALLOW
    assert verdict(machine, number, 0, 4096, 0b101) == EACCES


def test_only_the_own_processor_time_can_be_limited(machine: str) -> None:
    limit = MACHINES[machine].numbers["prlimit64"]

    assert verdict(machine, limit, 0, 0) == seccomp.ALLOW
    assert verdict(machine, limit, 0, 7) == EPERM
    assert verdict(machine, limit, 1, 0) == EPERM


def test_descriptors_can_be_copied_and_not_be_given_an_owner(machine: str) -> None:
    control = MACHINES[machine].numbers["fcntl"]

    assert verdict(machine, control, 5, 1030) == seccomp.ALLOW
    assert verdict(machine, control, 5, 8) == EPERM
