"""Access tokens: signed with a key of a ring, short, and of one session."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import BaseModel, ConfigDict

from imagemill.errors import Unauthenticated
from imagemill.keyring import KeyRing

ALGORITHM: Final = "EdDSA"
_TYPE: Final = "at+jwt"
"""RFC 9068: no other token of ours passes for an access token."""
_AUDIENCE: Final = "imagemill"
_LEEWAY_S: Final = 5
_CLAIMS: Final = ("iss", "aud", "exp", "iat", "sub", "jti", "sid")
_LONGEST: Final = 2000
"""Characters; ours have about 400."""


class TokenForged(Unauthenticated):
    """Say that a token was not made here: wrong key, algorithm, kind, issuer or audience."""


class _Signed(BaseModel):
    """The claims that are looked at, as they must be whoever signed them."""

    model_config = ConfigDict(frozen=True, strict=True)

    sub: str
    sid: str
    iat: int
    exp: int


@dataclass(frozen=True, slots=True)
class Claims:
    """Whom a token is about."""

    account: str
    session: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """Make and read access tokens."""

    ring: KeyRing
    issuer: str
    """The public address of the installation, or its name."""
    life_s: int
    new_id: Callable[[], str]
    clock: Callable[[], float]

    def issue(self, account: str, session: str, now: float) -> str:
        """Write a token that holds from now on for `life_s`."""
        key = self.ring.current
        claims = {
            "iss": self.issuer,
            "aud": _AUDIENCE,
            "exp": int(now) + self.life_s,
            "iat": int(now),
            "sub": account,
            "jti": self.new_id(),
            "sid": session,
        }
        headers = {"kid": key.id, "typ": _TYPE}
        private = Ed25519PrivateKey.from_private_bytes(key.secret)
        return jwt.encode(claims, private, algorithm=ALGORITHM, headers=headers)

    def read(self, token: str) -> Claims:
        """Read a token; raises `Unauthenticated` where it does not hold.

        That it was never one of ours is told apart, as `TokenForged`, for the audit log alone.
        """
        try:
            claims = _Signed.model_validate(self._decoded(token))
        except (jwt.PyJWTError, ValueError) as error:
            raise _forged() from error
        if not claims.iat - _LEEWAY_S <= self.clock() < claims.exp + _LEEWAY_S:
            raise refused()
        return Claims(account=claims.sub, session=claims.sid)

    def jwks(self) -> dict[str, Any]:
        """Publish the keys with which tokens are checked (RFC 7517, RFC 8037)."""
        return {"keys": [_published(key_id, key) for key_id, key in self.ring.all().items()]}

    def _decoded(self, token: str) -> dict[str, Any]:
        if len(token) > _LONGEST:
            raise ValueError("longer than any of ours")
        header = jwt.get_unverified_header(token)
        key = self.ring.all().get(str(header.get("kid")))
        if header.get("typ") != _TYPE or key is None:
            raise ValueError("no access token, or a key that is not known")
        return jwt.decode(
            token,
            Ed25519PrivateKey.from_private_bytes(key).public_key(),
            algorithms=[ALGORITHM],
            audience=_AUDIENCE,
            issuer=self.issuer,
            # Times are compared by the clock that was passed in.
            options={
                "require": list(_CLAIMS),
                "strict_aud": True,
                "verify_exp": False,
                "verify_iat": False,
            },
        )


def looks_like_token(text: str) -> bool:
    """Tell a token from an API key, which has no dots."""
    return text.count(".") == 2


def refused() -> Unauthenticated:
    """Make the error for a token that does not hold, or no longer."""
    return Unauthenticated("The access token does not hold, or no longer; log in or refresh it.")


def _forged() -> TokenForged:
    return TokenForged(refused().message)


def _published(key_id: str, key: bytes) -> dict[str, str]:
    public = Ed25519PrivateKey.from_private_bytes(key).public_key()
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    point = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": point,
        "kid": key_id,
        "alg": ALGORITHM,
        "use": "sig",
    }
