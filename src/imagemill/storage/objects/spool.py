"""Files without a name that hold an object while somebody reads it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


class Spool:
    """One file that is written once and then only read."""

    def __init__(self, folder: Path | None) -> None:
        """Make it in a folder, or in memory; raises `OSError` when that cannot be done."""
        self._descriptor = (
            os.memfd_create("imagemill-object", os.MFD_CLOEXEC)
            if folder is None
            else os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        )
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Digest of what was written."""
        return self._digest.hexdigest()

    def write(self, piece: bytes) -> None:
        """Add a piece; blocks for the copy, or the disk, and the hashing."""
        self._digest.update(piece)
        left = memoryview(piece)
        while left:
            left = left[os.write(self._descriptor, left) :]

    def opened(self) -> int:
        """Give a descriptor that reads from the first byte, and can do nothing else."""
        return os.open(f"/proc/self/fd/{self._descriptor}", os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the file; who opened it keeps it."""
        os.close(self._descriptor)
