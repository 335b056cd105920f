"""Which engine makes the pixels; results of another edition are not the same work."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Final

GENERATION: Final = 2
"""Grows when a change of ours changes the bytes of a result."""
_LIBRARIES: Final = ("pyvips-binary", "pillow", "pillow-heif")


def edition() -> str:
    """Name our generation and the version of each library that decodes or encodes."""
    return " ".join([f"imagemill-engine/{GENERATION}", *map(_named, _LIBRARIES)])


def _named(library: str) -> str:
    try:
        return f"{library}/{version(library)}"
    except PackageNotFoundError:
        return f"{library}/none"
