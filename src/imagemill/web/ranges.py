"""Which bytes of a representation a `Range` asks for (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_ONE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)
"""One range; 18 digits are more bytes than there are, and cheap to read."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes from `start` up to `end` (exclusive) of `size` bytes; never empty."""

    start: int
    end: int
    size: int

    @property
    def content_range(self) -> str:
        """Write the slice as `Content-Range` does, whose last byte is inclusive."""
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


class NoneOfItError(Exception):
    """Tell that a range was asked for of which there is no byte."""


def asked_slice(header: str, size: int) -> Slice | None:
    """Read a `Range` header; None where the whole is to be answered.

    Several ranges, other units and what is no range are passed over, as the RFC allows: so no
    request costs more than one read of the whole. Raises `NoneOfItError` for a range beyond the
    end and for the last 0 bytes.
    """
    found = _ONE.fullmatch(header.replace(" ", ""))
    first, last = found.groups() if found else ("", "")
    if not first and not last:
        return None
    if first and last and int(last) < int(first):
        return None
    start, end = _bounds(first, last, size)
    if start >= end:
        raise NoneOfItError
    return Slice(start, end, size)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(size - int(last), 0), size
    return int(first), min(int(last) + 1, size) if last else size
