"""Passwords are checked a few at a time, and never for nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
from pwdlib import PasswordHash

from imagemill.errors import Unavailable
from imagemill.users.passwords import NOBODY, Passwords
from tests.users.service import CountingHash


class HeldHash(CountingHash):
    """Hash when it is let, and tell how many do so at once."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()
        self.now, self.most = 0, 0
        self._lock = threading.Lock()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        assert self.let.wait(10)
        with self._lock:
            self.now -= 1
        return super().hash(password, salt=salt)


@pytest.fixture
def held() -> HeldHash:
    return HeldHash()


@pytest.fixture
async def passwords(held: HeldHash) -> AsyncIterator[Passwords]:
    passwords = Passwords(held, threads=2, waiting=3)
    yield passwords
    held.let.set()
    await passwords.close()


async def test_two_are_hashed_at_once_three_wait_and_the_next_is_sent_away(
    passwords: Passwords, held: HeldHash
) -> None:
    begun = [asyncio.ensure_future(passwords.hash("a")) for _ in range(5)]
    await asyncio.sleep(0)

    with pytest.raises(Unavailable) as error:
        await passwords.hash("a")

    assert error.value.retry_after_s
    held.let.set()
    await asyncio.gather(*begun)
    assert held.most == 2
    assert await passwords.hash("a")


async def test_who_goes_away_keeps_the_place_until_the_thread_is_free(
    passwords: Passwords, held: HeldHash
) -> None:
    begun = [asyncio.ensure_future(passwords.hash("a")) for _ in range(5)]
    await asyncio.sleep(0)
    for each in begun:
        each.cancel()
    await asyncio.gather(*begun, return_exceptions=True)

    with pytest.raises(Unavailable):
        await passwords.hash("a")


async def test_a_letter_is_the_same_however_a_keyboard_writes_it() -> None:
    passwords = Passwords(CountingHash(), threads=1, waiting=1)
    kept = await passwords.hash("für immer 123")

    assert (await passwords.check("fu\u0308r immer 123", kept)).is_right
    assert not (await passwords.check("fur immer 123", kept)).is_right
    await passwords.close()


async def test_a_hash_of_less_work_is_made_anew_at_the_next_login() -> None:
    weak = CountingHash().hash("correct horse battery")
    passwords = Passwords(PasswordHash.recommended(), threads=1, waiting=1)

    checked = await passwords.check("correct horse battery", weak)

    assert checked.is_right
    assert checked.fresh_hash is not None
    assert _costs(checked.fresh_hash) == _costs(NOBODY)
    await passwords.close()


def _costs(hashed: str) -> list[str]:
    """Read algorithm, version and costs: what the time of a check depends on."""
    return hashed.split("$")[1:4]
