"""A signed URL opens one thing, for one method, for a while."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from imagemill.errors import SignatureInvalid
from imagemill.signing import UrlSigner

OLD, NEW = {"old": b"o" * 32}, {"new": b"n" * 32}
PATH = "/api/v1/images/a/content"


class Clock:
    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def query_of(url: str) -> list[tuple[str, str]]:
    return parse_qsl(url.partition("?")[2], keep_blank_values=True)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signer(clock: Clock) -> UrlSigner:
    return UrlSigner(NEW | OLD, clock)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_was_signed_opens(signer: UrlSigner, method: str) -> None:
    url = signer.sign("GET", PATH, seconds=60, also={"download": "a b.jpg"})

    signer.check(method, PATH, query_of(url))


def test_its_time_ends_to_the_second(signer: UrlSigner, clock: Clock) -> None:
    url = signer.sign("GET", PATH, seconds=60)

    clock.now += 59
    signer.check("GET", PATH, query_of(url))
    clock.now += 1

    with pytest.raises(SignatureInvalid, match="out of date"):
        signer.check("GET", PATH, query_of(url))


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("PUT", PATH, []),
        ("GET", PATH.replace("/a/", "/b/"), []),
        ("GET", PATH, [("download", "x")]),
        ("GET", PATH, [("expires", "9999999999")]),
        ("GET", PATH, [("key", "old")]),
        ("GET", PATH, [("signature", "")]),
    ],
)
def test_nothing_of_it_can_be_changed(
    signer: UrlSigner, method: str, path: str, more: list[tuple[str, str]]
) -> None:
    query = dict(query_of(signer.sign("GET", PATH, seconds=60)))

    with pytest.raises(SignatureInvalid):
        signer.check(method, path, (query | dict(more)).items())


@pytest.mark.parametrize("name", ["key", "expires", "signature"])
def test_no_part_of_it_can_be_missing_or_given_twice(signer: UrlSigner, name: str) -> None:
    query = query_of(signer.sign("GET", PATH, seconds=60))

    for wrong in ([each for each in query if each[0] != name], [*query, (name, "x")]):
        with pytest.raises(SignatureInvalid):
            signer.check("GET", PATH, wrong)


def test_an_older_key_opens_until_it_is_taken_away(clock: Clock) -> None:
    url = UrlSigner(OLD, clock).sign("GET", PATH, seconds=60)

    UrlSigner(NEW | OLD, clock).check("GET", PATH, query_of(url))

    with pytest.raises(SignatureInvalid):
        UrlSigner(NEW, clock).check("GET", PATH, query_of(url))


def test_a_signature_of_strange_letters_is_refused(signer: UrlSigner) -> None:
    query = dict(query_of(signer.sign("GET", PATH, seconds=60))) | {"signature": "ä\ud800"}

    with pytest.raises(SignatureInvalid):
        signer.check("GET", PATH, query.items())
