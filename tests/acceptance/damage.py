"""What a disk may do to objects behind everybody's back."""

from __future__ import annotations

import os
from pathlib import Path

from tests.acceptance.system import System


def file_of(system: System, content: bytes) -> Path:
    """Find the one object with these bytes."""
    size = len(content)
    objects = [each for each in (system.data / "objects").rglob("*") if each.is_file()]
    (found,) = [
        each for each in objects if each.stat().st_size == size and each.read_bytes() == content
    ]
    return found


def flip(file: Path, at: int) -> None:
    """Change one bit, as a disk does: in place, and without a word."""
    descriptor = os.open(file, os.O_RDWR)
    try:
        (byte,) = os.pread(descriptor, 1, at)
        os.pwrite(descriptor, bytes([byte ^ 16]), at)
    finally:
        os.close(descriptor)
