"""Mail leaves over TLS and with a login, and not at all to a server that nobody vouches for."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.notifier.smtp_peer import SMTPPeer, smtp_peer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    path = tmp_path_factory.mktemp("tls") / "authority.pem"
    made = trustme.CA()
    made.cert_pem.write_to_path(str(path))
    return made, path


@pytest.fixture
def peer(authority: tuple[trustme.CA, Path]) -> Iterator[SMTPPeer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority[0].issue_cert("127.0.0.1").configure_cert(context)
    with smtp_peer(context) as running:
        yield running


def send(peer: SMTPPeer, password: str, trusted: Path) -> str | None:
    """Send a mail by a program that trusts this authority alone; give what became of it."""
    url = f"mailtos://mill:{password}@127.0.0.1:{peer.port}/?to={{to}}&from=mill@example.com"
    order = {"channel": "mail", "url": url, "to": "ada@example.org", "title": "Hello", "text": "."}
    done = subprocess.run(
        [sys.executable, "-m", "tests.notifier.sending", json.dumps([order])],
        env={"PATH": os.environ["PATH"], "SSL_CERT_FILE": str(trusted)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert "hush" not in done.stdout + done.stderr
    (verdict,) = json.loads(done.stdout)
    return None if verdict is None else str(verdict)


def test_a_mail_is_sent_over_tls_with_the_login_of_the_url(
    peer: SMTPPeer, authority: tuple[trustme.CA, Path]
) -> None:
    assert send(peer, "hush", authority[1]) is None
    assert [each.recipients for each in peer.mails] == [("ada@example.org",)]


def test_a_wrong_login_is_the_operators_to_mend_so_it_is_tried_again(
    peer: SMTPPeer, authority: tuple[trustme.CA, Path]
) -> None:
    assert send(peer, "wrong", authority[1]) == "The mail server answered 535. again"
    assert peer.mails == []


def test_nothing_is_sent_to_a_server_whose_certificate_nobody_trusts(
    peer: SMTPPeer, tmp_path: Path
) -> None:
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(str(stranger))

    verdict = send(peer, "hush", stranger)

    assert verdict == "The gateway did not answer, or not in time. again"
    assert peer.mails == []
