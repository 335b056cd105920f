"""A CA of one test, and the files that its certificates lie in."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


class Authority:
    """Signs certificates for the loopback."""

    def __init__(self, folder: Path) -> None:
        """Make a CA whose files lie in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._ca = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca_file)

    def issued(self, who: str) -> tuple[Path, Path]:
        """Write a certificate for 127.0.0.1 and its key; give both files."""
        leaf = self._ca.issue_cert("127.0.0.1")
        cert, key = self._folder / f"{who}.pem", self._folder / f"{who}.key"
        cert.write_bytes(b"".join(each.bytes() for each in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(key)
        return cert, key

    def settings(self, who: str) -> dict[str, str]:
        """Give the settings of a process that shows a certificate of its own."""
        cert, key = self.issued(who)
        files = {"tls_ca_file": self.ca_file, "tls_certificate_file": cert, "tls_key_file": key}
        return {name: str(path) for name, path in files.items()}

    def trusted(self) -> ssl.SSLContext:
        """Give what a client believes that knows this CA alone."""
        return ssl.create_default_context(cafile=str(self.ca_file))
