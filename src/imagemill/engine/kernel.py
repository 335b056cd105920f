"""Calls into the Linux kernel that Python does not offer."""

from __future__ import annotations

import ctypes
import os
from functools import cache

SET_DEATH_SIGNAL = 1
SET_DUMPABLE = 4
SET_NO_NEW_PRIVILEGES = 38

_UNUSED = ctypes.c_ulong(0)


def prctl(option: int, value: int) -> None:
    """Set a property of this process; raises `OSError` where the kernel refuses."""
    if _libc().prctl(option, ctypes.c_ulong(value), _UNUSED, _UNUSED, _UNUSED):
        raise _refusal("prctl")


def syscall(number: int, *arguments: object) -> int:
    """Make a system call by number; raises `OSError` where the kernel refuses."""
    answer = int(_libc().syscall(ctypes.c_long(number), *arguments))
    if answer < 0:
        raise _refusal(f"system call {number}")
    return answer


@cache
def _libc() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    return library


def _refusal(name: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{name}: {os.strerror(number)}")
