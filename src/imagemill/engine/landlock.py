"""Landlock: take every file, every TCP port and every signal to others away from this process.

Source: https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
import struct

from imagemill.engine import kernel

_CREATE_RULESET = 444
_RESTRICT_SELF = 446
_ASK_VERSION = 1

_FILES_BY_ABI = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 5: 0xFFFF}
"""Rights over files that each ABI can take: up to making symlinks, linking across folders,
truncating, device ioctl."""
_CONNECT_AND_BIND = 0b11
_SIGNALS_AND_ABSTRACT_SOCKETS = 0b11
_FIRST_ABI_WITH_NETWORK = 4
_FIRST_ABI_WITH_SCOPES = 6


def abi() -> int:
    """Ask the kernel which version of Landlock it has; raises `OSError` where it has none."""
    return kernel.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))


def ruleset(version: int) -> bytes:
    """Describe everything that this version can take away, in the kernel's layout."""
    files = max(rights for since, rights in _FILES_BY_ABI.items() if since <= version)
    if version < _FIRST_ABI_WITH_NETWORK:
        return struct.pack("=Q", files)
    if version < _FIRST_ABI_WITH_SCOPES:
        return struct.pack("=QQ", files, _CONNECT_AND_BIND)
    return struct.pack("=QQQ", files, _CONNECT_AND_BIND, _SIGNALS_AND_ABSTRACT_SOCKETS)


def restrict() -> int:
    """Leave this process no path at all and answer the ABI; needs no-new-privileges first.

    What is open stays open. Raises `OSError` where the kernel refuses.
    """
    version = abi()
    taken = ruleset(version)
    empty = kernel.syscall(_CREATE_RULESET, taken, ctypes.c_size_t(len(taken)), ctypes.c_uint32(0))
    try:
        kernel.syscall(_RESTRICT_SELF, ctypes.c_int(empty), ctypes.c_uint32(0))
    finally:
        os.close(empty)
    return version
