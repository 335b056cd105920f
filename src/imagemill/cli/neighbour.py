"""A server of the demo's own, in a process beside this one, at a port that was free."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from imagemill.cli.failure import CommandFailed
from imagemill.cli.remote import KEY_FILE, read_key
from imagemill.client import Client

START_S = 60.0
STOP_S = 20.0


@asynccontextmanager
async def neighbour(data: Path) -> AsyncIterator[tuple[Client, str]]:
    """Start a server with everything in `data`; give a client of it, and its address.

    It is stopped at the end, in whatever way the block ends. Raises `CommandFailed` with the end
    of its log when it does not become ready.
    """
    port, log = _free_port(), data / "server.log"
    address = f"http://127.0.0.1:{port}"
    server = await _start(port, data, log)
    try:
        await _until_ready(server, address, log)
        async with Client(address, read_key(data / KEY_FILE)) as client:
            yield client, address
    finally:
        await _stop(server)


async def _start(port: int, data: Path, log: Path) -> Process:
    # Settings of this machine's own installation must not reach into the demo.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("IMAGEMILL_")}
    arguments = ("serve", "--host", "127.0.0.1", "--port", str(port), "--data", str(data))
    with log.open("wb") as written:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "imagemill", *arguments),
            stdin=DEVNULL,
            stdout=written,
            stderr=written,
            env=environment,
        )


async def _until_ready(server: Process, address: str, log: Path) -> None:
    try:
        async with asyncio.timeout(START_S), Client(address) as client:
            while not await client.is_ready():
                if server.returncode is not None:
                    raise CommandFailed(_last_words(log))
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise CommandFailed(_last_words(log)) from error


async def _stop(server: Process) -> None:
    if server.returncode is None:
        server.terminate()
    try:
        await asyncio.wait_for(server.wait(), STOP_S)
    except TimeoutError:
        server.kill()
        await server.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
    return "\n".join(["The server did not start. It said last:", *lines])
