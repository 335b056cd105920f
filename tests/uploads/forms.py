"""Multipart bodies written by hand, with the boundary `b`."""

from __future__ import annotations

from collections.abc import AsyncIterator

FORM = "multipart/form-data; boundary=b"


def part(name: str, value: bytes, more: str = "") -> bytes:
    """Write one field."""
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + value + b"\r\n"


def file_part(value: bytes, name: str = "a.jpg") -> bytes:
    """Write one picture."""
    return part("file", value, f'; filename="{name}"')


def form(*parts: bytes) -> bytes:
    """Put a form together."""
    return b"".join(parts) + b"--b--\r\n"


async def stream(body: bytes, piece: int = 1000) -> AsyncIterator[bytes]:
    """Send a body in pieces."""
    for at in range(0, len(body), piece):
        yield body[at : at + piece]
