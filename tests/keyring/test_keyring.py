"""A ring of keys: made once, replaced, read by several processes."""

from __future__ import annotations

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagemill.errors import Unavailable
from imagemill.keyring import TOKENS, URLS, KeyRing, Kind
from imagemill.signing import LONGEST_S, UrlSigner

KIND = Kind("tests", 100)
Ringed = Callable[[], KeyRing]


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def ring(tmp_path: Path, now: list[float]) -> Ringed:
    """Open the one ring as a further process would."""
    return lambda: KeyRing(tmp_path / "keys", KIND, lambda: now[0])


def test_the_first_look_makes_a_key_that_only_its_owner_reads(ring: Ringed, tmp_path: Path) -> None:
    first = ring().current

    assert len(first.secret) == 32
    assert ring().all() == {first.id: first.secret}
    assert [each.name for each in tmp_path.iterdir()] == ["keys"]
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o600


def test_many_that_start_at_once_have_one_key(ring: Ringed) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: ring().current.id, range(64)))

    assert len(found) == 1


def test_a_new_key_signs_and_the_old_one_checks_until_its_time_is_over(
    ring: Ringed, now: list[float]
) -> None:
    seen_by_another = ring()
    old = seen_by_another.current

    new = ring().rotate(now[0])

    assert seen_by_another.current == new
    assert list(seen_by_another.all()) == [new.id, old.id]
    now[0] += 100
    assert list(seen_by_another.all()) == [new.id]


def test_what_is_over_leaves_the_file_when_the_next_key_comes(
    ring: Ringed, now: list[float], tmp_path: Path
) -> None:
    first = ring().current
    second = ring().rotate(1000)

    now[0] = 1101
    third = ring().rotate(now[0])

    assert first.id not in (tmp_path / "keys").read_text()
    assert list(ring().all()) == [third.id, second.id]


def test_no_key_is_lost_when_many_replace_at_once(ring: Ringed, now: list[float]) -> None:
    first = ring().current

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: ring().rotate(now[0]).id, range(24)))

    assert set(ring().all()) == made | {first.id}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is damaged"),
        ("[]", "is damaged"),
        ('{"kind": "tests", "keys": [{"id": "a"}]}', "is damaged"),
        ('{"kind": "tests", "keys": [{"id": "a", "secret": "!", "made_at": 1}]}', "is damaged"),
        ('{"kind": "tests", "keys": []}', "holds no keys for tests"),
        ('{"kind": "tests", "keys": [{"id": "a", "secret": "YQ==", "made_at": 1}]}', "holds no"),
        ('{"kind": "urls", "keys": [{"id": "a", "secret": "YQ==", "made_at": 1}]}', "holds no"),
    ],
)
def test_a_file_that_is_no_ring_is_refused(
    ring: Ringed, tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "keys").write_text(content)

    with pytest.raises(Unavailable, match=words):
        _ = ring().current


def test_a_ring_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Unavailable, match="can be neither read nor made"):
        _ = KeyRing(tmp_path / "file" / "keys", KIND).current


def test_a_ring_whose_folder_is_gone_cannot_be_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    ring = KeyRing(folder / "keys", KIND)
    _ = ring.current
    folder.rename(tmp_path / "elsewhere")
    folder.touch()

    with pytest.raises(Unavailable, match="keys can"):
        ring.rotate(1.0)


def test_a_signed_url_opens_after_its_key_was_replaced(ring: Ringed) -> None:
    signed = UrlSigner(ring().all(), lambda: 1000.0).sign("GET", "/a", seconds=60)
    ring().rotate(1001)
    query = [tuple(each.split("=")) for each in signed.partition("?")[2].split("&")]

    UrlSigner(ring().all(), lambda: 1002.0).check("GET", "/a", [(a, b) for a, b in query])


def test_keys_outlive_what_they_sign() -> None:
    assert URLS.checks_s > LONGEST_S
    assert TOKENS.checks_s > 3600
