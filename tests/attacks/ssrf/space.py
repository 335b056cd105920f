"""A network of its own, with addresses that count as public and one where clouds keep secrets."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PUBLIC, CLOSED, TALKING = "52.1.2.3", "52.1.2.4", "52.1.2.5"
"""Hosts of the outside world: one with pictures, one with no port open, one that speaks no HTTP."""
METADATA = "169.254.169.254"
NAME_SERVER = "127.0.0.53"
WITHIN = ("unshare", "--net", "--mount")


def is_possible() -> bool:
    """Tell whether this process may make a network and mounts of its own."""
    if os.geteuid() or not all(map(shutil.which, ("unshare", "ip", "mount"))):
        return False
    return not subprocess.run([*WITHIN, "true"], capture_output=True, check=False).returncode


def run_in_own(module: str, *arguments: str, within_s: float) -> str:
    """Run a module in a network of its own; give what it wrote, on an error too."""
    command = [*WITHIN, sys.executable, "-m", module, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=within_s, check=False)
    assert not ran.returncode, ran.stdout + ran.stderr
    return ran.stdout


def prepare(folder: Path) -> None:
    """Bring the network up, and let names be asked of our own server; only within `run_in_own`."""
    _do("ip", "link", "set", "lo", "up")
    for address in (PUBLIC, CLOSED, TALKING, METADATA):
        _do("ip", "address", "add", f"{address}/32", "dev", "lo")
    (folder / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n", encoding="utf-8")
    resolving = f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n"
    (folder / "resolv.conf").write_text(resolving, encoding="utf-8")
    for name in ("hosts", "resolv.conf"):
        _do("mount", "--bind", str(folder / name), os.path.realpath(f"/etc/{name}"))


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
