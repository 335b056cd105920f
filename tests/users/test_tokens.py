"""Access tokens: what holds, and what was never one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from imagemill.errors import Unauthenticated
from imagemill.keyring import TOKENS, KeyRing
from imagemill.users.tokens import TokenForged, Tokens
from tests.users.service import System, refreshed

NOW = 1_800_000_000
CLAIMS = {
    "iss": "imagemill",
    "aud": "imagemill",
    "exp": NOW + 900,
    "iat": NOW,
    "sub": "ada",
    "jti": "1",
    "sid": "s",
}


class Mint:
    """Makes tokens of every kind; the good ones and the others."""

    def __init__(self, folder: Path) -> None:
        self.now = float(NOW)
        self.ring = KeyRing(folder / "token-keys", TOKENS, lambda: self.now)
        self.tokens = Tokens(self.ring, "imagemill", 900, lambda: "1", lambda: self.now)

    @property
    def private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.ring.current.secret)

    def signed(self, **changed: object) -> str:
        """Sign claims that differ from the usual ones; None leaves one out."""
        claims = {k: v for k, v in {**CLAIMS, **changed}.items() if v is not None}
        return self.with_header({}, claims)

    def with_header(
        self,
        header: Mapping[str, object],
        claims: Mapping[str, Any] = CLAIMS,
        key: Any = None,  # noqa: ANN401 - whatever is a key to the algorithm
        algorithm: str = "EdDSA",
    ) -> str:
        """Sign with a header that differs from the usual one; None leaves a field out."""
        usual = {"typ": "at+jwt", "kid": self.ring.current.id}
        told = {**usual, **header}
        return jwt.encode(dict(claims), key or self.private, algorithm=algorithm, headers=told)

    def unsigned(self, algorithm: str) -> str:
        """Write a token without a signature."""
        header = {"alg": algorithm, "typ": "at+jwt", "kid": self.ring.current.id}
        return f"{_part(header)}.{_part(CLAIMS)}."

    def public_pem(self) -> bytes:
        """Give what everybody may know of the key."""
        public = self.private.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def mint(tmp_path: Path) -> Mint:
    return Mint(tmp_path)


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_token_tells_whom_it_is_about(mint: Mint) -> None:
    token = mint.tokens.issue("ada", "s", NOW)

    found = mint.tokens.read(token)

    assert (found.account, found.session) == ("ada", "s")
    header = jwt.get_unverified_header(token)
    assert header == {"alg": "EdDSA", "typ": "at+jwt", "kid": mint.ring.current.id}


def test_a_token_holds_for_its_time_and_not_after(mint: Mint) -> None:
    token = mint.tokens.issue("ada", "s", NOW)

    mint.now += 904
    assert mint.tokens.read(token).account == "ada"
    mint.now += 2
    with pytest.raises(Unauthenticated):
        mint.tokens.read(token)


def test_a_token_from_the_future_does_not_hold(mint: Mint) -> None:
    with pytest.raises(Unauthenticated):
        mint.tokens.read(mint.signed(iat=NOW + 60))


def test_a_token_holds_after_its_key_was_replaced_and_not_for_ever(mint: Mint) -> None:
    token = mint.signed(exp=NOW + 10_000)
    mint.ring.rotate(NOW)

    assert mint.tokens.read(token).account == "ada"
    mint.now += TOKENS.checks_s
    with pytest.raises(TokenForged):
        mint.tokens.read(token)


def _without(name: str) -> Callable[[Mint], str]:
    return lambda mint: mint.signed(**{name: None})


FORGED: Mapping[str, Callable[[Mint], str]] = {
    "alg none": lambda mint: mint.unsigned("none"),
    "alg None": lambda mint: mint.unsigned("None"),
    "alg nOnE": lambda mint: mint.unsigned("nOnE"),
    "alg missing": lambda _: f"{_part({'typ': 'at+jwt'})}.{_part(CLAIMS)}.",
    "HS256 with secret": lambda mint: mint.with_header({}, key="secret" * 6, algorithm="HS256"),
    "HS256 with nothing": lambda mint: mint.with_header({}, key=b"\0" * 32, algorithm="HS256"),
    "HS256 with the server's name": lambda mint: mint.with_header(
        {}, key="imagemill" * 4, algorithm="HS256"
    ),
    "HS256 with the public key": lambda mint: mint.with_header(
        {}, key=base64.b64encode(mint.public_pem()), algorithm="HS256"
    ),
    "RS256": lambda mint: mint.with_header(
        {}, key=generate_private_key(65537, 2048), algorithm="RS256"
    ),
    "a key of somebody else": lambda mint: mint.with_header({}, key=Ed25519PrivateKey.generate()),
    "an unknown kid": lambda mint: mint.with_header({"kid": "0"}),
    "a path as kid": lambda mint: mint.with_header({"kid": "../../dev/null"}),
    "a key in the header": lambda mint: mint.with_header(
        {"kid": "1", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AA"}}
    ),
    "typ missing": lambda mint: mint.with_header({"typ": ""}),
    "typ of another kind": lambda mint: mint.with_header({"typ": "JWT"}),
    "wrong aud": lambda mint: mint.signed(aud="another"),
    "many aud": lambda mint: mint.signed(aud=["imagemill", "another"]),
    "wrong iss": lambda mint: mint.signed(iss="another"),
    "exp as text": lambda mint: mint.signed(exp="tomorrow"),
    "iat as text": lambda mint: mint.signed(iat="now"),
    "exp not finite": lambda mint: mint.signed(exp=float("nan")),
    "sub as number": lambda mint: mint.signed(sub=1),
    "sid as number": lambda mint: mint.signed(sid=1),
    **{f"{name} missing": _without(name) for name in CLAIMS},
    "nothing": lambda _: "..",
    "rubbish": lambda _: "a.b.c",
    "a token that was cut": lambda mint: mint.signed()[:-2],
    "one letter changed": lambda mint: mint.signed().replace(".", ".e", 1),
    "very long": lambda mint: mint.signed(jti="x" * 3000),
    "not ASCII": lambda mint: f"ä{mint.signed()}",
}


@pytest.mark.parametrize("how", FORGED)
def test_what_was_not_made_here_is_told_apart_as_forged(mint: Mint, how: str) -> None:
    token = FORGED[how](mint)

    with pytest.raises(TokenForged, match="does not hold"):
        mint.tokens.read(token)


async def test_a_forged_token_is_noted_but_not_a_flood_of_them(system: System) -> None:
    for _ in range(40):
        with pytest.raises(Unauthenticated):
            await system.who("a.b.c")

    assert system.ledger.actions == ["token.refused"] * 30


async def test_a_refresh_token_is_no_access_token(system: System) -> None:
    await system.register()
    token = (await system.tokens())["refresh_token"]

    with pytest.raises(Unauthenticated):
        await system.who(token)


async def test_sessions_go_on_after_the_key_was_replaced(system: System) -> None:
    await system.register()
    tokens = await system.tokens()

    system.ring.rotate(system.clock[0])
    published = (await system.ask("GET", "/.well-known/jwks.json")).json()["keys"]
    fresh = await refreshed(system, tokens["refresh_token"])

    kids = [jwt.get_unverified_header(each["access_token"])["kid"] for each in (fresh, tokens)]
    assert [each["kid"] for each in published] == kids
    assert (await system.who(tokens["access_token"])).session
    assert "d" not in published[0]
