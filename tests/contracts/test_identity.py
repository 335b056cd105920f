"""Signed identities between services."""

from __future__ import annotations

import jwt
import pytest

from imagemill.contracts.identity import Identity, Signer
from imagemill.errors import Unauthenticated

SECRET = b"s" * 32
WHO = Identity(account="a", scopes=frozenset({"jobs:write"}))


class Clock:
    """Real time, moved by a test: PyJWT looks at the machine's clock by itself."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        self.ahead_s = ahead_s

    def __call__(self) -> float:
        import time  # noqa: PLC0415 - nothing else here may look at the clock

        return time.time() + self.ahead_s


def test_what_was_signed_is_believed() -> None:
    signer = Signer(SECRET)

    assert signer.check(signer.sign(WHO)) == WHO
    assert signer.check(signer.sign(WHO)) == WHO


def test_a_token_is_reused_for_a_minute_and_then_made_anew() -> None:
    clock = Clock()
    signer = Signer(SECRET, clock)
    first = signer.sign(WHO)

    assert signer.sign(WHO) == first
    clock.ahead_s = 61

    assert signer.sign(WHO) != first


def test_what_is_set_for_a_key_travels_with_its_identity() -> None:
    signer, known = Signer(SECRET), Signer(SECRET)
    who = WHO.model_copy(update={"key_id": "3f9c", "max_retries": 0, "timeout_s": 1.5})

    assert known.check(signer.sign(who)) == who
    assert signer.sign(who) != signer.sign(WHO)


def test_a_token_says_nothing_of_what_is_not_set() -> None:
    token = Signer(SECRET).sign(WHO)

    claims = jwt.decode(token, SECRET, algorithms=["HS256"], audience="imagemill-services")

    assert claims.keys() == {"sub", "scopes", "aud", "exp"}


@pytest.mark.parametrize("token", [None, "", "nonsense", "a.b.c"])
def test_no_token_is_nobody(token: str | None) -> None:
    with pytest.raises(Unauthenticated):
        Signer(SECRET).check(token)


def test_another_installations_token_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        Signer(SECRET).check(Signer(b"t" * 32).sign(WHO))


def test_an_old_token_is_refused_even_if_it_was_believed_before() -> None:
    clock = Clock(-300)
    signer = Signer(SECRET, clock)

    with pytest.raises(Unauthenticated):
        signer.check(signer.sign(WHO))


def test_a_clock_that_is_a_little_ahead_refuses_nobody() -> None:
    behind = Signer(SECRET, Clock(-140))  # Such a token was over 20 s ago.

    assert Signer(SECRET).check(behind.sign(WHO)) == WHO


def test_a_token_without_signature_is_refused() -> None:
    claims = {"sub": "a", "scopes": ["*"], "aud": "imagemill-services", "exp": 9_999_999_999}

    with pytest.raises(Unauthenticated):
        Signer(SECRET).check(jwt.encode(claims, "", algorithm="none"))
