"""TLS between the services, and for who comes from outside: contexts that follow their files.

Between services both sides show a certificate of one CA, and who calls checks the name of who is
called. A context takes new certificates up while it is in use, for new connections; connections
that stand go on as they began. A CA that is added is believed at once; one that is taken out of
its file is believed until the process is started anew.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import structlog
from pydantic import BaseModel, ConfigDict, Field, model_validator

from imagemill.errors import InvalidRequest

_log = structlog.get_logger(__name__)
_Stamp = tuple[tuple[int, int, int], ...]


class TlsSettings(BaseModel):
    """Certificates of this process, and whom it believes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca_file: Path | None = Field(
        None,
        description="Certificates of the CA (PEM) that signed those of all services. Where set, "
        "services speak HTTPS with each other and take nobody without a certificate of this CA.",
    )
    certificate_file: Path | None = Field(
        None,
        description="Certificate of this process (PEM, with those between it and the CA), for the "
        "name by which others reach it.",
    )
    key_file: Path | None = Field(None, description="Private key of `certificate_file` (PEM).")
    public_certificate_file: Path | None = Field(
        None,
        description="Certificate (PEM) with which the gateway serves HTTPS to everybody. Not set: "
        "it serves HTTP, and what stands in front ends TLS. Connections are counted once their "
        "handshake is over, so let a proxy stand in front of what strangers reach.",
    )
    public_key_file: Path | None = Field(
        None, description="Private key of `public_certificate_file` (PEM)."
    )
    look_every_s: float = Field(
        10.0, ge=0.05, le=3600, description="Seconds between two looks whether these files changed."
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        mutual = (self.ca_file, self.certificate_file, self.key_file)
        if any(mutual) and not all(mutual):
            raise ValueError("wants ca_file, certificate_file and key_file together.")
        if bool(self.public_certificate_file) != bool(self.public_key_file):
            raise ValueError("wants public_certificate_file and public_key_file together.")
        return self

    @property
    def is_mutual(self) -> bool:
        """Whether services show each other certificates."""
        return self.ca_file is not None


class Following:
    """A context that takes its files up again when they have changed."""

    def __init__(
        self, new: Callable[[], ssl.SSLContext], cert: Path, key: Path, ca: Path | None = None
    ) -> None:
        """Fill a context of `new`; raises `InvalidRequest` naming a file that cannot be used."""
        self._new = new
        self._cert, self._key, self._ca = cert, key, ca
        self.context = new()
        try:
            self._stamp = self._stamped()
            self._fill(self.context)
        except OSError as error:  # An `SSLError` is one.
            raise InvalidRequest(
                f"The certificates in {self._names()} cannot be used: {error}."
            ) from error

    def look(self) -> bool:
        """Take changed files up; False where nothing changed, or what is there cannot be used.

        While a certificate is replaced and its key not yet, the old ones stay.
        """
        try:
            stamp = self._stamped()
            if stamp == self._stamp:
                return False
            self._fill(self._new())  # What is half written must not reach the one in use.
            self._fill(self.context)
        except OSError as error:
            _log.warning("certificates_unusable", files=self._names(), reason=str(error))
            return False
        self._stamp = stamp
        _log.info("certificates_taken_up", files=self._names())
        return True

    def _fill(self, context: ssl.SSLContext) -> None:
        context.load_cert_chain(self._cert, self._key)
        if self._ca is not None:
            context.load_verify_locations(self._ca)

    def _stamped(self) -> _Stamp:
        files = (each.stat() for each in self._files())
        return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in files)

    def _files(self) -> tuple[Path, ...]:
        return tuple(each for each in (self._cert, self._key, self._ca) if each is not None)

    def _names(self) -> str:
        return ", ".join(each.name for each in self._files())


@dataclass(frozen=True, slots=True)
class Tls:
    """What a process listens with, and calls with; None where that is plain HTTP."""

    listening: Following | None
    calling: Following | None
    look_every_s: float

    async def follow(self) -> None:
        """Look again and again whether the files changed, for ever."""
        while True:
            await asyncio.sleep(self.look_every_s)
            for each in (self.listening, self.calling):
                if each is not None:
                    each.look()


PLAIN: Final = Tls(None, None, 3600.0)
"""Plain HTTP everywhere."""


def opened(settings: TlsSettings, *, is_gateway: bool) -> Tls:
    """Read the certificates of a process; raises `InvalidRequest` naming what cannot be used."""
    calling = _mutual(settings, _caller)
    if is_gateway:
        cert, key = settings.public_certificate_file, settings.public_key_file
        listening = Following(_everybodys, cert, key) if cert and key else None
    else:
        listening = _mutual(settings, _service)
    return Tls(listening, calling, settings.look_every_s)


def _mutual(settings: TlsSettings, new: Callable[[], ssl.SSLContext]) -> Following | None:
    if settings.certificate_file and settings.key_file and settings.ca_file:
        return Following(new, settings.certificate_file, settings.key_file, settings.ca_file)
    return None


_OLDEST: Final = ssl.TLSVersion.TLSv1_2


def _caller() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # Checks the certificate, and its name.
    context.minimum_version = _OLDEST
    return context


def _service() -> ssl.SSLContext:
    context = _everybodys()
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _everybodys() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _OLDEST
    return context
