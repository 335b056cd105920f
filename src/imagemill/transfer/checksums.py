"""A checksum of many rows that does not depend on their order, nor on the engine they lie in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_MODULUS: Final = 1 << 256


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows there are, and the sum of their digests."""

    rows: int = 0
    total: int = 0
    """Sum of the SHA-256 of all rows, modulo 2^256: equal rows do not cancel each other out."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.rows + other.rows, (self.total + other.total) % _MODULUS)

    @property
    def checksum(self) -> str:
        """The sum in hexadecimal."""
        return f"{self.total:064x}"


def tally(rows: Iterable[Mapping[str, Any]]) -> Tally:
    """Count rows and add up their digests."""
    digests = [_digest(row) for row in rows]
    return Tally(len(digests), sum(digests) % _MODULUS)


def _digest(row: Mapping[str, Any]) -> int:
    """Digest names and values, each with its kind and length, so that no two rows read alike."""
    hashing = hashlib.sha256()
    for name in sorted(row):
        content = _content(row[name])
        hashing.update(f"{name} {len(content)} ".encode())
        hashing.update(content)
    return int.from_bytes(hashing.digest())


def _content(value: object) -> bytes:
    if value is None:
        return b"-"
    if isinstance(value, str):
        # PostgreSQL keeps no NUL in a text, and has U+FFFD in its place.
        return b"t" + value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode()
    if isinstance(value, bytes | bytearray | memoryview):
        return b"b" + bytes(value)
    if isinstance(value, int | float):
        return b"n" + repr(+value).encode()
    raise TypeError(f"no column holds a {type(value).__name__}")
