"""Certificates of one test run: an authority, a server on the loopback, and a client."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM; those of server and client hold the key too."""

    ca: Path
    server: Path
    client: Path

    @classmethod
    def made(cls, folder: Path) -> Certificates:
        """Make them in a folder."""
        made = cls(folder / "ca.pem", folder / "server.pem", folder / "client.pem")
        authority = trustme.CA()
        authority.cert_pem.write_to_path(made.ca)
        server = authority.issue_cert("localhost", "127.0.0.1")
        server.private_key_and_cert_chain_pem.write_to_path(made.server)
        client = authority.issue_cert("client.example")
        client.private_key_and_cert_chain_pem.write_to_path(made.client)
        return made
