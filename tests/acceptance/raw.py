"""Requests that no decent client would send, byte by byte over a socket."""

from __future__ import annotations

import contextlib
import socket
import urllib.parse
from collections.abc import Callable, Iterator

from tests.acceptance.system import System


def sent(system: System, *pieces: bytes, hang_up: bool = False, within_s: float = 20.0) -> bytes:
    """Send bytes as they are and read until the server hangs up; or end the sending side first."""
    with _connected(system, within_s) as line:
        # A server that has seen enough may hang up while we speak.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                line.sendall(piece)
        if hang_up:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_WR)
        return _all_of(line)


@contextlib.contextmanager
def begun(
    system: System, *pieces: bytes, within_s: float = 20.0
) -> Iterator[Callable[[bytes], bytes]]:
    """Send the beginning of a request; gives what sends the end and reads the answer."""

    def ended(piece: bytes) -> bytes:
        line.sendall(piece)
        return _all_of(line)

    with _connected(system, within_s) as line:
        for piece in pieces:
            line.sendall(piece)
        yield ended


def head(system: System, method: str, target: str, *headers: str) -> bytes:
    """Write the head of a request with the system's key."""
    lines = [f"{method} {target} HTTP/1.1", "host: imagemill", f"x-api-key: {system.key}"]
    return "\r\n".join([*lines, "connection: close", *headers, "", ""]).encode("latin-1")


def status_of(answer: bytes) -> int:
    """Read the status of an answer; 0 where the server hung up without one."""
    words = answer.split(b" ", 2)
    return int(words[1]) if len(words) > 1 else 0


def _connected(system: System, within_s: float) -> socket.socket:
    host, port = urllib.parse.urlsplit(system.url).netloc.split(":")
    return socket.create_connection((host, int(port)), timeout=within_s)


def _all_of(line: socket.socket) -> bytes:
    answer = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while piece := line.recv(1 << 16):
            answer += piece
    return bytes(answer)
