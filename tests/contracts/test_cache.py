"""What every `Cache` keeps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from imagemill.cache import Cache
from imagemill.cache.memory import MemoryCache

Passing = Callable[[float], Awaitable[None]]


async def test_a_value_is_there_until_its_time_is_over(cache: Cache, passes: Passing) -> None:
    await cache.put("key", b"value", seconds=10)

    await passes(9)
    early = await cache.get("key")
    await passes(2)
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


async def test_any_bytes_are_given_back_as_they_were(cache: Cache) -> None:
    value = bytes(range(256)) * 40

    await cache.put("key", value, seconds=10)
    await cache.put("empty", b"", seconds=10)

    assert [await cache.get("key"), await cache.get("empty")] == [value, b""]


async def test_a_full_memory_forgets_what_was_not_used_longest() -> None:
    cache = MemoryCache(float, entries=3)
    for name in ("a", "b", "c"):
        await cache.put(name, name.encode(), seconds=10)
    await cache.get("a")

    await cache.put("d", b"d", seconds=10)

    assert [await cache.get(name) for name in "abcd"] == [b"a", None, b"c", b"d"]
