"""Certificates of one test run: an authority, a server on the loopback, and a client."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.peers.authority import Authority


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM; those of server and client hold the key too."""

    ca: Path
    server: Path
    client: Path

    @classmethod
    def made(cls, folder: Path) -> Certificates:
        """Make them in a folder."""
        authority = Authority(folder)
        return cls(
            authority.ca_file,
            authority.in_one("server", "localhost", "127.0.0.1"),
            authority.in_one("client", "client.example"),
        )
