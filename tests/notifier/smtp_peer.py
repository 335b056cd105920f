"""A real SMTP server at a loopback address, which keeps what it gets and refuses on demand."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.peers.ports import free_port


@dataclass(frozen=True)
class Mail:
    """One mail as it arrived."""

    sender: str
    recipients: tuple[str, ...]
    """Of the envelope: who really gets it."""
    message: EmailMessage

    def part(self, kind: str) -> str:
        """Give the text of a part, `plain` or `html`."""
        found = self.message.get_body((kind,))
        assert found is not None
        return str(found.get_content())


@dataclass
class SMTPPeer:
    """Takes every mail, but for recipients whose name begins with a reply's code: `550-…`."""

    port: int = 0
    mails: list[Mail] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The URL of a gateway that sends here."""
        return f"mailto://127.0.0.1:{self.port}/?to={{to}}&from=mill@example.com&name=Imagemill"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name for it
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        """Take a recipient, or answer with the code that it begins with."""
        if address[:3].isdigit():
            return f"{address[:3]} as you wish"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """Keep a mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(Mail(envelope.mail_from or "", tuple(envelope.rcpt_tos), message))
        return "250 OK"


@contextmanager
def smtp_peer(tls: ssl.SSLContext | None = None) -> Iterator[SMTPPeer]:
    """Run the server at a free port for a block; with `tls` it takes who logs in over it only."""
    peer = SMTPPeer(free_port())
    secured: dict[str, Any] = {
        "tls_context": tls,
        "require_starttls": True,
        "auth_required": True,
        "authenticator": _knows,
    }
    asks = secured if tls else {}
    controller = Controller(peer, hostname="127.0.0.1", port=peer.port, **asks)
    controller.start()
    try:
        yield peer
    finally:
        controller.stop()


@contextmanager
def silent_peer() -> Iterator[str]:
    """Take connections for a block and never say a word; gives the URL of a gateway to it."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        port = listening.getsockname()[1]
        yield f"mailto://127.0.0.1:{port}/?to={{to}}&from=mill@example.com"


def _knows(_: SMTP, __: Session, ___: Envelope, ____: str, shown: object) -> AuthResult:
    # `handled` would mean that this has answered already.
    return AuthResult(success=shown == LoginPassword(b"mill", b"hush"), handled=False)
