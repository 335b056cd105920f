"""A client of the server that a command names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from imagemill.cli.failure import CommandFailed
from imagemill.client import Client

if TYPE_CHECKING:
    from imagemill.settings import Settings


@asynccontextmanager
async def remote(server: str, key: str | None) -> AsyncIterator[Client]:
    """Give a client of a server, which answered that it is ready.

    Raises `CommandFailed` for an address that is none and for a server that does not answer.
    """
    if urlsplit(server).scheme not in {"http", "https"} or not urlsplit(server).hostname:
        raise CommandFailed(f"{server} is not an address; write it like http://127.0.0.1:8000.")
    async with Client(server, key or _own_key(server)) as client:
        if not await client.is_ready():
            raise CommandFailed(
                f"No server is ready at {server}. Start one with `imagemill serve`, or name "
                "another with --server."
            )
        yield client


def read_key(path: Path) -> str | None:
    """Read a key from its file; None when there is none that may be read."""
    try:
        return path.read_text(encoding="ascii").strip() or None
    except (FileNotFoundError, PermissionError):
        return None


def key_file(settings: Settings) -> Path:
    """Say where the key of this machine's server lies."""
    from imagemill.settings import ADMIN_KEY

    return settings.key_file(ADMIN_KEY)


def _own_key(server: str) -> str | None:
    # Only for this machine: a key must not travel to a server that it was not made for.
    if not _is_here(urlsplit(server).hostname or ""):
        return None
    from imagemill.settings import Settings

    return read_key(key_file(Settings.load()))


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
