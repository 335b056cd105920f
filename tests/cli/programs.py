"""The program as people start it: a process of its own, whose words and exit code count."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.peers.ports import free_port

IMAGEMILL = (sys.executable, "-m", "imagemill")
LIMIT_S = 50


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Server:
    """A whole system that runs in a process of its own."""

    address: str
    key: str
    data: Path
    receiver_port: int
    """Port of loopback at which it may tell somebody of events."""


def imagemill(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> Said:
    """Run one command to its end, without any setting of the surroundings."""
    done = subprocess.run(
        [*IMAGEMILL, *map(str, arguments)],
        cwd=cwd,
        env=surroundings() | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@contextmanager
def started(
    data: Path, *names: str, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `imagemill serve` beside the test; gives the process and its address."""
    arguments = ("serve", *names, "--port", "0", "--data", str(data))
    with subprocess.Popen(
        [*IMAGEMILL, *arguments],
        env=surroundings() | environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, "the first line of a server names its address"
        try:
            yield process, found[0]
        finally:
            process.terminate()


def said_on_a_terminal(data: Path) -> str:
    """Start `imagemill serve` on a terminal, stop it once it listens; gives what was shown."""
    arguments = ("serve", "--port", "0", "--data", str(data))
    ours, theirs = os.openpty()
    with (
        os.fdopen(ours, "rb", buffering=0) as shown,
        subprocess.Popen([*IMAGEMILL, *arguments], env=surroundings(), stdout=theirs) as process,
    ):
        os.close(theirs)
        said = b""
        while b"API key" not in said or not said.endswith(b"\n"):
            said += shown.read(4096)
        process.terminate()
    return said.decode()


@contextmanager
def serving(data: Path) -> Iterator[Server]:
    """Run every service beside the test."""
    port = free_port()
    allowed = {"IMAGEMILL_EGRESS_ALLOW_HOSTS": f"127.0.0.1:{port}"}
    with started(data, **allowed) as (_, address):
        yield Server(address, (data / "admin-key").read_text().strip(), data, port)


def draw(path: Path, size: tuple[int, int] = (64, 48), colour: str = "teal") -> Path:
    """Draw a picture whose left half differs from its right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", size, colour)
    picture.paste("orange", (0, 0, size[0] // 2, size[1]))
    picture.save(path)
    return path


def made(path: Path) -> tuple[str | None, tuple[int, int]]:
    """Read the format and the size in pixels of a picture that was made."""
    with Image.open(path) as picture:
        return picture.format, picture.size


def surroundings() -> dict[str, str]:
    """Give the environment of this process without any setting of Imagemill."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IMAGEMILL_")}
    return kept | {"PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
