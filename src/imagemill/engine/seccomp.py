"""seccomp: the short list of system calls that a child may make, as a filter for the kernel.

Calls on paths are answered with EACCES and not with death, because glibc opens
`/proc/sys/vm/overcommit_memory` by itself when an arena shrinks. What stands nowhere here kills.
Source: https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from imagemill.engine import kernel
from imagemill.engine.syscalls import Machine

KILL = 0x80000000
ALLOW = 0x7FFF0000
_ERRNO = 0x00050000


@dataclass(frozen=True)
class Argument:
    """A condition on the low 32 bits of one argument of a call, counted from 0."""

    number: int
    one_of: tuple[int, ...] = ()
    """Values that pass; empty where bits decide."""
    with_bits: int = 0
    """Of these bits at least one must be set."""
    without_bits: int = 0
    """None of these bits may be set."""


@dataclass(frozen=True)
class Rule:
    """What happens to one call: allowed where every condition holds, else `otherwise`."""

    call: str
    conditions: tuple[Argument, ...] = ()
    otherwise: int = ALLOW
    """Verdict where a condition fails; a rule without conditions always answers it."""


_PLAIN = """
read write readv writev pread64 pwrite64 lseek close fstat dup poll ppoll munmap mremap madvise
brk ftruncate rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack sched_yield sched_getaffinity
sched_getscheduler sched_getparam nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday
times getrusage getpid gettid getuid geteuid getgid getegid exit exit_group futex set_tid_address
set_robust_list eventfd2 getrandom rseq membarrier getcpu restart_syscall close_range
"""
_PATHS = """
open openat access faccessat faccessat2 stat lstat newfstatat statx readlink readlinkat getdents64
getcwd unlink unlinkat memfd_create pipe2 uname sysinfo fadvise64 get_mempolicy
"""

_THREAD = 0x00010000  # CLONE_THREAD
_EXECUTABLE = 0x4  # PROT_EXEC
_COPY_AND_FLAGS = (0, 1, 2, 3, 4, 1030)  # F_DUPFD to F_SETFL, F_DUPFD_CLOEXEC
_NAME_THREAD = 15  # PR_SET_NAME
_PROCESSOR_TIME = 0  # RLIMIT_CPU


def rules(channel: int) -> tuple[Rule, ...]:
    """Give every call its verdict, for a child that reads orders from one socket, `channel`."""
    return (
        *(Rule(call) for call in _PLAIN.split()),
        *(Rule(call, otherwise=refuse(errno.EACCES)) for call in _PATHS.split()),
        Rule("recvmsg", (Argument(0, one_of=(channel,)),), otherwise=KILL),
        *_memory(),
        *_processes(),
        Rule("fcntl", (Argument(1, one_of=_COPY_AND_FLAGS),), otherwise=refuse(errno.EPERM)),
        Rule("ioctl", otherwise=refuse(errno.ENOTTY)),
    )


def _memory() -> Iterable[Rule]:
    never_code = (Argument(2, without_bits=_EXECUTABLE),)
    yield Rule("mmap", never_code, otherwise=refuse(errno.EACCES))
    yield Rule("mprotect", never_code, otherwise=refuse(errno.EACCES))


def _processes() -> Iterable[Rule]:
    denied = refuse(errno.EPERM)
    yield Rule("clone", (Argument(0, with_bits=_THREAD),), otherwise=denied)
    yield Rule("clone3", otherwise=refuse(errno.ENOSYS))  # glibc then falls back to clone.
    yield Rule("fork", otherwise=denied)
    yield Rule("vfork", otherwise=denied)
    yield Rule("tgkill", otherwise=denied)  # abort() then ends in a segmentation fault.
    yield Rule("prctl", (Argument(0, one_of=(_NAME_THREAD,)),), otherwise=denied)
    own_time = (Argument(0, one_of=(0,)), Argument(1, one_of=(_PROCESSOR_TIME,)))
    yield Rule("prlimit64", own_time, otherwise=denied)


def refuse(number: int) -> int:
    """Make the verdict that answers a call with an error number."""
    return _ERRNO | number


_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16

Instruction = tuple[int, int, int, int]
"""Code, steps to skip if true, steps to skip if false, operand."""


def program(machine: Machine, channel: int) -> bytes:
    """Compile the rules into the kernel's filter language for one machine."""
    known = [rule for rule in rules(channel) if rule.call in machine.numbers]
    steps = [*_prologue(machine)]
    for rule in known:
        steps += _compiled(rule, machine.numbers[rule.call])
    steps.append((_RETURN, 0, 0, KILL))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def install(machine: Machine, compiled: bytes) -> None:
    """Put this process under the filter for good; needs no-new-privileges first.

    Raises `OSError` where the kernel refuses.
    """
    code = ctypes.create_string_buffer(compiled, len(compiled))
    filters = struct.pack("HxxxxxxP", len(compiled) // 8, ctypes.addressof(code))
    set_filter = ctypes.c_uint(1)
    kernel.syscall(machine.numbers["seccomp"], set_filter, ctypes.c_uint(0), filters)


def _prologue(machine: Machine) -> Iterable[Instruction]:
    yield (_LOAD, 0, 0, _MACHINE_AT)
    yield (_EQUAL, 1, 0, machine.audit)
    yield (_RETURN, 0, 0, KILL)
    yield (_LOAD, 0, 0, _NUMBER_AT)
    if machine.compatible_from is not None:
        yield (_AT_LEAST, 0, 1, machine.compatible_from)
        yield (_RETURN, 0, 0, KILL)


def _compiled(rule: Rule, number: int) -> Sequence[Instruction]:
    if not rule.conditions:
        return [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, rule.otherwise)]
    body = [step for each in rule.conditions for step in _tested(each, rule.otherwise)]
    body.append((_RETURN, 0, 0, ALLOW))
    return [(_EQUAL, 0, len(body), number), *body]


def _tested(argument: Argument, otherwise: int) -> Iterable[Instruction]:
    """Go on behind these steps where the condition holds; return `otherwise` where it fails."""
    yield (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument.number)
    if argument.one_of:
        for left, value in zip(range(len(argument.one_of), 0, -1), argument.one_of, strict=True):
            yield (_EQUAL, left, 0, value)
    elif argument.with_bits:
        yield (_ANY_BIT, 1, 0, argument.with_bits)
    else:
        yield (_ANY_BIT, 0, 1, argument.without_bits)
    yield (_RETURN, 0, 0, otherwise)
