"""What every `Cache` keeps."""

from __future__ import annotations

from typing import Protocol

from imagemill.cache import Cache


class Settable(Protocol):
    """A clock that a test can move."""

    now: float


async def test_a_value_is_there_until_its_time_is_over(cache: Cache, clock: Settable) -> None:
    await cache.put("key", b"value", seconds=10)

    clock.now += 9
    early = await cache.get("key")
    clock.now += 2
    late = await cache.get("key")

    assert (early, late) == (b"value", None)


async def test_a_dropped_value_is_gone_and_dropping_again_is_no_error(cache: Cache) -> None:
    await cache.put("key", b"value", seconds=10)

    await cache.drop("key")
    await cache.drop("key")

    assert await cache.get("key") is None


async def test_a_second_put_replaces_the_first(cache: Cache) -> None:
    await cache.put("key", b"first", seconds=10)

    await cache.put("key", b"second", seconds=10)

    assert await cache.get("key") == b"second"


async def test_a_full_cache_forgets_what_was_not_used_longest(cache: Cache) -> None:
    for name in ("a", "b", "c"):
        await cache.put(name, name.encode(), seconds=10)
    await cache.get("a")

    await cache.put("d", b"d", seconds=10)

    assert [await cache.get(name) for name in "abcd"] == [b"a", None, b"c", b"d"]
