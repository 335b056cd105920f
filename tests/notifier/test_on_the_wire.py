"""What Twilio, SNS, FCM and a web push service are asked, read field by field from the wire.

The requests are apprise's own; a peer that ends their TLS answers them. Nothing is delivered, and
no host but this one is spoken to.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.notifier.tls_peer import Asked, TLSPeer, tls_peer

pytestmark = pytest.mark.slow

ACCOUNT, STRICT = f"AC{'a' * 32}", f"AC{'c' * 32}"
TOKEN = "b" * 32
NUMBER = "+491701234567"
TEXT = "Imagemill: Job faf2aad0 is done. 2 results."
DEVICE = "dK3:APA91b-x_y"
ANSWERS = {
    f"api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json": (201, "{}"),
    f"api.twilio.com/2010-04-01/Accounts/{STRICT}/Messages.json": (
        400,
        '{"code": 21610, "message": "Attempt to send to unsubscribed recipient"}',
    ),
    "sns.eu-central-1.amazonaws.com/": (200, "<PublishResponse></PublishResponse>"),
    "oauth2.googleapis.com/token": (200, '{"access_token": "ya29.mill", "expires_in": 3600}'),
    "fcm.googleapis.com/v1/projects/mill/messages:send": (200, "{}"),
    "push.example.net/sub/ada": (201, ""),
}


@dataclass(frozen=True)
class Keys:
    """What the operator and a browser hold."""

    google: rsa.RSAPrivateKey
    vapid: ec.EllipticCurvePrivateKey
    browser: ec.EllipticCurvePrivateKey
    secret: bytes
    """Which the browser shares with the sender of its messages."""


@dataclass(frozen=True)
class Sent:
    """What became of each message, and what was asked for it."""

    verdicts: dict[str, str | None]
    peer: TLSPeer
    keys: Keys

    def asked(self, host: str) -> list[Asked]:
        """List what a host was asked, in order."""
        return [each for each in self.peer.asked if each.host == host]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    """Send one message by each gateway, in a program that meets the peer and nobody else."""
    folder = tmp_path_factory.mktemp("wire")
    keys = Keys(
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
        os.urandom(16),
    )
    orders = _orders(folder, keys)
    with tls_peer(folder, ANSWERS) as peer:
        done = subprocess.run(
            [sys.executable, "-m", "tests.notifier.sending", json.dumps(list(orders.values()))],
            env={"PATH": os.environ["PATH"], **peer.surroundings()},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        yield Sent(dict(zip(orders, json.loads(done.stdout), strict=True)), peer, keys)


def test_what_each_service_took_is_delivered(sent: Sent) -> None:
    taken = {name: verdict for name, verdict in sent.verdicts.items() if verdict is None}

    assert set(taken) == {"twilio", "sns", "fcm", "vapid"}


def test_a_number_that_wants_no_messages_is_never_tried_again(sent: Sent) -> None:
    assert sent.verdicts["unsubscribed"] == "The gateway answered 21610. never"


def test_a_service_that_does_not_know_the_project_is_not_told_again(sent: Sent) -> None:
    assert sent.verdicts["unknown"] == "The gateway answered 404. never"


def test_a_device_that_no_subscription_is_kept_of_is_never_tried_again(sent: Sent) -> None:
    verdict = sent.verdicts["unregistered"]

    assert verdict == "The gateway does not know this registration any more. never"


def test_twilio_is_asked_for_one_sms(sent: Sent) -> None:
    [asked] = [each for each in sent.asked("api.twilio.com") if ACCOUNT in each.path]

    credentials = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    assert (asked.method, asked.path) == (
        "POST",
        f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json",
    )
    assert asked.headers["authorization"] == f"Basic {credentials}"
    assert fields(asked) == {"From": "+15551234567", "To": NUMBER, "Body": TEXT}


def test_sns_is_asked_for_one_sms_with_a_signature_that_is_right(sent: Sent) -> None:
    [asked] = sent.asked("sns.eu-central-1.amazonaws.com")

    assert (asked.method, asked.path) == ("POST", "/")
    assert fields(asked) == {
        "Action": "Publish",
        "Version": "2010-03-31",
        "PhoneNumber": NUMBER,
        "Message": TEXT,
    }
    assert asked.headers["authorization"].endswith(f"Signature={aws_signature(asked)}")


def test_google_is_asked_for_a_token_with_a_signed_assertion(sent: Sent) -> None:
    asked = sent.asked("oauth2.googleapis.com")[0]

    assertion = jwt.decode(
        fields(asked)["assertion"],
        sent.keys.google.public_key(),
        algorithms=["RS256"],
        audience="https://oauth2.googleapis.com/token",
    )
    assert fields(asked)["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert assertion["iss"] == "mill@example.iam.gserviceaccount.com"
    assert "https://www.googleapis.com/auth/firebase.messaging" in assertion["scope"]


def test_fcm_is_asked_to_push_to_one_device(sent: Sent) -> None:
    [asked] = [each for each in sent.asked("fcm.googleapis.com") if "/mill/" in each.path]

    message = json.loads(asked.body)["message"]
    assert (asked.method, asked.path) == ("POST", "/v1/projects/mill/messages:send")
    assert asked.headers["authorization"] == "Bearer ya29.mill"
    assert message["token"] == DEVICE
    assert message["notification"] == {"title": "Job faf2aad0 is done", "body": TEXT}
    assert "topic" not in message


def test_a_web_push_is_signed_and_only_the_browser_can_read_it(sent: Sent) -> None:
    [asked] = sent.asked("push.example.net")

    scheme, _, shown = asked.headers["authorization"].partition(" ")
    token, key = (each.strip().partition("=")[2] for each in shown.split(","))
    point = sent.keys.vapid.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    claims = jwt.decode(
        token,
        sent.keys.vapid.public_key(),
        algorithms=["ES256"],
        audience="https://push.example.net",
    )
    assert (asked.method, asked.path) == ("POST", "/sub/ada")
    assert scheme == "vapid"
    assert unpadded(key) == point
    assert claims["sub"] == "mailto:mill@example.com"
    assert asked.headers["content-encoding"] == "aes128gcm"
    assert opened(asked.body, sent.keys) == f"Job faf2aad0 is done\r\n{TEXT}"


def fields(asked: Asked) -> dict[str, str]:
    """Read a form, in which nothing may stand twice."""
    return {name: value for name, (value,) in parse_qs(asked.body.decode()).items()}


def aws_signature(asked: Asked) -> str:
    """Sign a request as AWS does (Signature Version 4), from what the wire shows of it."""
    at = asked.headers["x-amz-date"]
    scope = f"{at[:8]}/eu-central-1/sns/aws4_request"
    signed = {name: asked.headers[name] for name in ("content-type", "host", "x-amz-date")}
    canonical = [
        *("POST", "/", ""),
        *(f"{name}:{value}" for name, value in signed.items()),
        *("", ";".join(signed), hashlib.sha256(asked.body).hexdigest()),
    ]
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    key = b"AWS4secret"
    for part in (at[:8], "eu-central-1", "sns", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    told = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{digest}"
    return hmac.new(key, told.encode(), "sha256").hexdigest()


def opened(body: bytes, keys: Keys) -> str:
    """Decrypt a web push message as a browser does (RFC 8291, one record of RFC 8188)."""
    salt, length = body[:16], body[20]
    sender, sealed = body[21 : 21 + length], body[21 + length :]
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
    shared = keys.browser.exchange(ec.ECDH(), public)
    info = b"WebPush: info\0" + point_of(keys.browser) + sender
    secret = HKDF(hashes.SHA256(), 32, keys.secret, info).derive(shared)
    key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
    nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
    return AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0").removesuffix(b"\2").decode()


def point_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _orders(folder: Path, keys: Keys) -> dict[str, dict[str, str]]:
    """Write the files that gateways read, and list what is to be sent by each."""
    service, vapid, browsers = folder / "google.json", folder / "vapid.pem", folder / "browsers"
    service.write_text(json.dumps(_service_account("mill", keys)))
    (folder / "strange.json").write_text(json.dumps(_service_account("strange", keys)))
    vapid.write_bytes(_pem(keys.vapid))
    shared = {"p256dh": _text(point_of(keys.browser)), "auth": _text(keys.secret)}
    subscription = {"endpoint": "https://push.example.net/sub/ada", "keys": shared}
    browsers.write_text(json.dumps({"ada-phone": subscription}))
    push = f"vapid://mill@example.com/{{to}}?keyfile={vapid}&subfile={browsers}"
    return {
        "twilio": _order("sms", f"twilio://{ACCOUNT}:{TOKEN}@15551234567/{{to}}", NUMBER),
        "unsubscribed": _order("sms", f"twilio://{STRICT}:{TOKEN}@15551234567/{{to}}", NUMBER),
        "sns": _order("sms", "sns://AKIAMILL/secret/eu-central-1/{to}", NUMBER),
        "fcm": _order("push", f"fcm://mill/{{to}}?keyfile={service}", DEVICE),
        "unknown": _order("push", f"fcm://strange/{{to}}?keyfile={folder}/strange.json", DEVICE),
        "vapid": _order("push", push, "ada-phone"),
        "unregistered": _order("push", push, "eve-phone"),
    }


def _order(channel: str, url: str, to: str) -> dict[str, str]:
    title = "" if channel == "sms" else "Job faf2aad0 is done"
    return {"channel": channel, "url": url, "to": to, "title": title, "text": TEXT}


def _service_account(project: str, keys: Keys) -> dict[str, str]:
    return {
        "type": "service_account",
        "project_id": project,
        "private_key_id": "key-1",
        "private_key": _pem(keys.google).decode(),
        "client_email": "mill@example.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    }


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
