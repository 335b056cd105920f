"""What a render leaves: the answer and one memory file for each output."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from imagemill.engine.orders import Answer

_SEALED = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


class Rendering:
    """Hold the outputs of one order until they are stored; leave it to free their memory."""

    def __init__(self, answer: Answer, files: Mapping[str, int]) -> None:
        self.answer = answer
        self.files = dict(files)
        """Name of the output to a descriptor of its bytes, positioned at the first."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the memory of every output; a second time does nothing."""
        close(self.files)
        self.files.clear()


def targets(names: Iterable[str]) -> dict[str, int]:
    """Make an empty memory file for each output."""
    made: dict[str, int] = {}
    try:
        for name in names:
            made[name] = os.memfd_create("output", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError:
        close(made)
        raise
    return made


def close(files: Mapping[str, int]) -> None:
    """Close the descriptors of memory files."""
    for descriptor in files.values():
        with suppress(OSError):
            os.close(descriptor)


def settled(answer: Answer, files: Mapping[str, int]) -> bool:
    """Freeze the outputs and tell whether they are what the answer says.

    A child that was taken over may say anything, and may still hold the file; the seal is the
    kernel's word that no byte changes any more.
    """
    if answer.outputs.keys() != files.keys():
        return False
    try:
        for descriptor in files.values():
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALED)
            os.lseek(descriptor, 0, os.SEEK_SET)
    except OSError:
        return False
    return all(
        os.fstat(files[name]).st_size == made.size_bytes for name, made in answer.outputs.items()
    )
