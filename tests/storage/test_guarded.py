"""A storage behind a breaker: left alone when it fails, and found again when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagemill.breaker import Breaker, BreakerSettings, State
from imagemill.errors import NotAsked, NotFound, TooLarge, Unavailable
from imagemill.storage import Bucket
from imagemill.storage.guarded import GuardedStorage
from imagemill.storage.local import LocalStorage

KEY = "ab/abcdef"
SETTINGS = BreakerSettings(failures=2, rest_s=5)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reading(clock: Clock) -> Breaker:
    return Breaker("reading", SETTINGS, clock=clock)


@pytest.fixture
def writing(clock: Clock) -> Breaker:
    return Breaker("writing", SETTINGS, clock=clock)


@pytest.fixture
async def storage(
    tmp_path: Path, clock: Clock, reading: Breaker, writing: Breaker
) -> AsyncIterator[GuardedStorage]:
    local = LocalStorage(tmp_path, clock)
    yield GuardedStorage(local, reading=reading, writing=writing)
    await local.close()


async def stream(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def put(storage: GuardedStorage) -> None:
    await storage.put(Bucket.RESULTS, KEY, stream(b"x"))


async def fail_to_put(storage: GuardedStorage) -> None:
    for _ in range(2):
        with pytest.raises(Unavailable):
            await put(storage)


def blocked(root: Path) -> Path:
    """Put a file where the folder of results was, so that nothing in it can be reached."""
    aside = root.with_name(f"{root.name}-aside")
    (root / Bucket.RESULTS).rename(aside)
    (root / Bucket.RESULTS).touch()
    return aside


def unblocked(root: Path, aside: Path) -> None:
    (root / Bucket.RESULTS).unlink()
    aside.rename(root / Bucket.RESULTS)


async def test_writes_that_fail_open_one_breaker_and_reading_goes_on(
    storage: GuardedStorage, tmp_path: Path, reading: Breaker, writing: Breaker
) -> None:
    await storage.put(Bucket.ORIGINALS, KEY, stream(b"kept"))
    blocked(tmp_path)

    await fail_to_put(storage)

    assert (reading.state, writing.state) == (State.CLOSED, State.OPEN)
    with pytest.raises(NotAsked):
        await put(storage)
    with pytest.raises(NotAsked):
        await storage.delete(Bucket.ORIGINALS, KEY)
    assert await storage.size(Bucket.ORIGINALS, KEY) == 4


async def test_reads_that_fail_open_the_other(
    storage: GuardedStorage, tmp_path: Path, reading: Breaker, writing: Breaker
) -> None:
    blocked(tmp_path)

    with pytest.raises(Unavailable):
        await storage.open(Bucket.RESULTS, KEY, sha256=None)
    with pytest.raises(Unavailable):
        await storage.size(Bucket.RESULTS, KEY)

    assert (reading.state, writing.state) == (State.OPEN, State.CLOSED)
    with pytest.raises(NotAsked):
        await anext(storage.get(Bucket.RESULTS, KEY))


async def test_what_is_not_there_is_an_answer(storage: GuardedStorage, reading: Breaker) -> None:
    for _ in range(3):
        with pytest.raises(NotFound):
            await storage.open(Bucket.RESULTS, KEY, sha256=None)

    assert reading.seen().failures == 0


async def test_it_works_again_when_the_disk_does(
    storage: GuardedStorage, tmp_path: Path, clock: Clock, writing: Breaker
) -> None:
    aside = blocked(tmp_path)
    await fail_to_put(storage)
    unblocked(tmp_path, aside)

    with pytest.raises(NotAsked):
        await put(storage)
    clock.now += 5
    await put(storage)

    assert writing.state is State.CLOSED


async def test_a_stream_that_breaks_is_not_the_storages_failure(
    storage: GuardedStorage, writing: Breaker
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise Unavailable("on the sender's side")

    for _ in range(3):
        with pytest.raises(Unavailable, match="sender"):
            await storage.put(Bucket.RESULTS, KEY, broken())

    assert writing.seen().failures == 0


async def test_a_probe_whose_sender_broke_off_does_not_close_it(
    storage: GuardedStorage, tmp_path: Path, clock: Clock, writing: Breaker
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise TooLarge("on purpose")

    aside = blocked(tmp_path)
    await fail_to_put(storage)
    unblocked(tmp_path, aside)
    clock.now += 5

    with pytest.raises(TooLarge):
        await storage.put(Bucket.RESULTS, KEY, broken())

    assert writing.state is State.OPEN
    await put(storage)


async def test_a_reader_who_takes_his_time_is_no_probe_for_so_long(
    storage: GuardedStorage, tmp_path: Path, clock: Clock, reading: Breaker
) -> None:
    await put(storage)
    aside = blocked(tmp_path)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await storage.open(Bucket.RESULTS, KEY, sha256=None)
    unblocked(tmp_path, aside)
    clock.now += 5

    slow = storage.get(Bucket.RESULTS, KEY)
    await anext(slow)

    assert reading.state is State.CLOSED
    assert [piece async for piece in slow] == []


async def test_of_many_writers_after_the_rest_one_is_let_through(
    storage: GuardedStorage, tmp_path: Path, clock: Clock
) -> None:
    aside = blocked(tmp_path)
    await fail_to_put(storage)
    unblocked(tmp_path, aside)
    clock.now += 5

    told = await asyncio.gather(*(put(storage) for _ in range(10)), return_exceptions=True)

    assert [type(each) for each in told].count(NotAsked) == 9
    assert await storage.size(Bucket.RESULTS, KEY) == 1


async def test_a_check_refuses_while_either_breaker_is_open(
    storage: GuardedStorage, tmp_path: Path, clock: Clock
) -> None:
    await storage.check()
    aside = blocked(tmp_path)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await storage.open(Bucket.RESULTS, KEY, sha256=None)
    unblocked(tmp_path, aside)

    with pytest.raises(NotAsked, match="reading"):
        await storage.check()
    clock.now += 5

    await storage.check()
