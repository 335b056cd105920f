"""A server of the demo's own, in a process beside this one, at a port that was free."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from imagemill.cli.failure import CommandFailed
from imagemill.cli.remote import read_key
from imagemill.client import Client

START_S = 60.0
STOP_S = 20.0


_ADDRESS = re.compile(r" listens at (http://\S+)")
_LOOK_EVERY_S = 0.05


@asynccontextmanager
async def neighbour(data: Path) -> AsyncIterator[tuple[Client, str]]:
    """Start a server with everything in `data`; give a client of it, and its address.

    It is stopped at the end, in whatever way the block ends. Raises `CommandFailed` with the end
    of its log when it does not become ready.
    """
    from imagemill.settings import ADMIN_KEY

    log = data / "server.log"
    server = await _start(data, log)
    try:
        address = await _address(server, log)
        async with Client(address, read_key(data / ADMIN_KEY)) as client:
            yield client, address
    finally:
        await _stop(server)


async def _start(data: Path, log: Path) -> Process:
    # Settings of this machine's own installation must not reach into the demo.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("IMAGEMILL_")}
    arguments = ("serve", "--host", "127.0.0.1", "--port", "0", "--data", str(data))
    with log.open("wb") as written:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "imagemill", *arguments),
            stdin=DEVNULL,
            stdout=written,
            stderr=written,
            env=environment | {"PYTHONUNBUFFERED": "1"},
        )


async def _address(server: Process, log: Path) -> str:
    """Wait until the server says where it listens: the system chose a port that is free."""
    for _ in range(round(START_S / _LOOK_EVERY_S)):
        if found := _ADDRESS.search(_read(log)):
            return found[1]
        if server.returncode is not None:
            break
        await asyncio.sleep(_LOOK_EVERY_S)
    last = _read(log).splitlines()[-20:]
    raise CommandFailed("\n".join(["The server did not start. It said last:", *last]))


async def _stop(server: Process) -> None:
    if server.returncode is None:
        server.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await server.wait()
    except TimeoutError:
        server.kill()
        await server.wait()


def _read(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")
