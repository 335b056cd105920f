"""A CA of one test, and the files that its certificates lie in."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import trustme

_LONG_AGO: Final = datetime(2001, 1, 1, tzinfo=UTC)


class Authority:
    """Signs certificates for the loopback."""

    def __init__(self, folder: Path) -> None:
        """Make a CA whose files lie in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._ca = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca_file)

    def issued(self, who: str, *names: str, is_over: bool = False) -> tuple[Path, Path]:
        """Write a certificate and its key, and give both files.

        It is for 127.0.0.1 unless other names are given; one that is over was of a day long ago.
        """
        leaf = self._ca.issue_cert(
            *(names or ("127.0.0.1",)),
            not_before=_LONG_AGO if is_over else None,
            not_after=_LONG_AGO.replace(day=2) if is_over else None,
        )
        cert, key = self._folder / f"{who}.pem", self._folder / f"{who}.key"
        cert.write_bytes(b"".join(each.bytes() for each in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(key)
        return cert, key

    def in_one(self, who: str, *names: str) -> Path:
        """Write a certificate and its key into one file."""
        cert, key = self.issued(who, *names)
        cert.write_bytes(key.read_bytes() + cert.read_bytes())
        return cert

    def settings(self, who: str) -> dict[str, str]:
        """Give the settings of a process that shows a certificate of its own."""
        cert, key = self.issued(who)
        files = {"tls_ca_file": self.ca_file, "tls_certificate_file": cert, "tls_key_file": key}
        return {name: str(path) for name, path in files.items()}

    def trusted(self) -> ssl.SSLContext:
        """Give what a client believes that knows this CA alone."""
        return ssl.create_default_context(cafile=str(self.ca_file))
