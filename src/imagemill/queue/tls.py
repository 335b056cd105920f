"""How a broker is known to be the right one, and how it knows us: the same for every broker."""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from imagemill.errors import InvalidRequest


class TLSSettings(BaseModel):
    """Certificates for the way to a broker; a broker is always verified where TLS is spoken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca_file: Path | None = Field(
        None,
        description="File with the authorities that may vouch for the broker, in PEM; empty takes "
        "those of the machine.",
    )
    certificate_file: Path | None = Field(
        None, description="File with the certificate that shows the broker who we are, in PEM."
    )
    key_file: Path | None = Field(
        None, description="File with the key of that certificate, in PEM; may be in the same file."
    )

    @property
    def is_set(self) -> bool:
        """Whether any file is named."""
        return any((self.ca_file, self.certificate_file, self.key_file))

    def context(self) -> ssl.SSLContext:
        """Read the files; raises `InvalidRequest` when they are no certificates."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.certificate_file:
                context.load_cert_chain(self.certificate_file, self.key_file)
        except (OSError, ssl.SSLError) as error:
            raise InvalidRequest(
                "A file of IMAGEMILL_QUEUE_TLS_CA_FILE, _CERTIFICATE_FILE or _KEY_FILE cannot be "
                f"read as a certificate: {error}."
            ) from error
        return context


def is_loopback(host: str) -> bool:
    """Tell whether what is sent to a host stays on this machine, where nobody listens."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
