"""Free ports of the loopback, and waiting until somebody listens there."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable


def free_port() -> int:
    """Find a port that nobody listens at now."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def listens(port: int) -> bool:
    """Tell whether somebody takes connections at a port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_for(
    look: Callable[[], bool], process: subprocess.Popen[bytes], *, within_s: float, what: str
) -> None:
    """Look until it is so; fail when the process has ended, or after so many seconds."""
    end = time.monotonic() + within_s
    while not look():
        assert process.poll() is None, f"{what} ended with {process.returncode}"
        assert time.monotonic() < end, f"{what} did not start within {within_s} s"
        time.sleep(0.05)  # sleeps: between two looks, for at most `within_s`


def wait_for_port(
    port: int, process: subprocess.Popen[bytes], *, within_s: float, what: str
) -> None:
    """Wait until somebody takes connections at a port; fails as `wait_for` does."""
    wait_for(lambda: listens(port), process, within_s=within_s, what=what)
