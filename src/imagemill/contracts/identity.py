"""Who is calling, as the gateway found out and every service can check."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

import jwt

from imagemill.contracts.model import Contract
from imagemill.contracts.scopes import Role, allows
from imagemill.errors import Unauthenticated

K = TypeVar("K")
V = TypeVar("V")

HEADER: Final = "x-imagemill-identity"
"""Header that carries a signed identity between services; the gateway drops a client's own."""
ADDRESS: Final = "x-imagemill-address"
"""Header in which the gateway tells where a request came from; it drops a client's own."""

_ALGORITHM: Final = "HS256"
_AUDIENCE: Final = "imagemill-services"
_LIFE_S: Final = 120
_REUSE_S: Final = 60
_CLOCKS_S: Final = 30
"""How far the clock of who checks may be ahead, beside the minute that a token always has left."""
_OF_THE_KEY: Final = (
    "key_id",
    "session",
    "role",
    "max_retries",
    "timeout_s",
    "monthly_jobs",
    "stored_bytes",
)
"""Claims that stand in a token only where there is something to say."""


class Identity(Contract):
    """An account, or one of Imagemill's own processes."""

    account: str
    """Id of the account that owns what is made; a process's name for processes."""
    scopes: frozenset[str] = frozenset()
    """What may be done: `jobs:write`, ...; `*` is everything, `service` is another process."""
    role: Role | None = None
    """What the account may do beyond its own things; None for processes and strangers."""
    key_id: str | None = None
    """Names the key that was shown; None for processes, and for people who logged in."""
    session: str | None = None
    """Names the login whose token was shown; None for keys and processes."""
    max_retries: int | None = None
    """Tries after the first for jobs that the key makes; None where the service decides."""
    timeout_s: float | None = None
    """Seconds for one attempt at such a job; None where the service decides."""
    monthly_jobs: int | None = None
    """Jobs that the key may make in a calendar month, UTC; None is as many as it likes."""
    stored_bytes: int | None = None
    """Bytes that the key's originals and results may take up; None is no bound of its own."""

    @property
    def is_service(self) -> bool:
        """Whether another process of Imagemill calls for itself."""
        return "service" in self.scopes

    @property
    def is_stranger(self) -> bool:
        """Whether nobody showed anything; only routes that are open answer then."""
        return not self.account

    def may(self, scope: str) -> bool:
        """Tell whether this may be done; who holds `jobs:*` or `*` holds `jobs:write`."""
        return allows(self.scopes, scope)


STRANGER: Final = Identity(account="")
"""Who showed no key and no token."""


class Signer:
    """Sign identities for the way between services and check them at the end of it."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        """Take the secret that all services of one installation share, at least 32 bytes."""
        self._secret = secret
        self._clock = clock
        self._signed: dict[Identity, tuple[float, str]] = {}
        self._checked: dict[str, tuple[float, Identity]] = {}

    def sign(self, identity: Identity) -> str:
        """Give a token for an identity, the same one for a minute."""
        now = self._clock()
        until, token = self._signed.get(identity, (0.0, ""))
        if until <= now:
            token = self._make(identity, now)
            _bounded(self._signed)[identity] = (now + _REUSE_S, token)
        return token

    def check(self, token: str | None) -> Identity:
        """Read a token; raises `Unauthenticated` when it is absent, foreign or too old."""
        now = self._clock()
        until, identity = self._checked.get(token or "", (0.0, None))
        if identity is not None and until > now:
            return identity
        if not token:
            raise Unauthenticated("This service takes requests from the gateway only.")
        until, identity = self._read(token)
        _bounded(self._checked)[token] = (until, identity)
        return identity

    def _make(self, identity: Identity, now: float) -> str:
        claims = {
            "sub": identity.account,
            "scopes": sorted(identity.scopes),
            "aud": _AUDIENCE,
            "exp": now + _LIFE_S,
            **identity.model_dump(mode="json", include=set(_OF_THE_KEY), exclude_none=True),
        }
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM)

    def _read(self, token: str) -> tuple[float, Identity]:
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                leeway=_CLOCKS_S,
                options={"require": ["sub", "exp", "aud"]},
            )
        except jwt.InvalidTokenError as error:
            raise Unauthenticated("The identity of the calling service is not valid.") from error
        identity = Identity(
            account=claims["sub"],
            scopes=frozenset(claims.get("scopes", ())),
            **{name: claims[name] for name in _OF_THE_KEY if name in claims},
        )
        return float(claims["exp"]), identity


def _bounded(remembered: dict[K, V], most: int = 10_000) -> dict[K, V]:
    if len(remembered) >= most:
        remembered.clear()
    return remembered
