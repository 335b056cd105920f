"""What every `Rates` keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from imagemill.rates import Held, Rates, Window, standing
from imagemill.rates.memory import MemoryRates

Passing = Callable[[float], Awaitable[None]]
MINUTE = Window(6, 60)


async def hits(rates: Rates, count: int, name: str = "a") -> list[bool]:
    return [not (await rates.hit(name, MINUTE)).is_over for _ in range(count)]


async def test_as_many_are_let_in_as_the_window_holds(rates: Rates) -> None:
    assert await hits(rates, 8) == [True] * 6 + [False] * 2


async def test_names_and_windows_are_counted_apart(rates: Rates) -> None:
    await hits(rates, 6)

    assert await hits(rates, 1, "b") == [True]
    assert not (await rates.hit("a", Window(6, 1))).is_over


async def test_who_is_refused_is_not_counted_for_it(rates: Rates, passes: Passing) -> None:
    await hits(rates, 20)

    await passes(60 + 29)

    assert await hits(rates, 4) == [True] * 3 + [False]


async def test_the_end_of_a_minute_does_not_let_all_in_again(rates: Rates, passes: Passing) -> None:
    await passes(50)
    await hits(rates, 6)

    await passes(11)

    assert (await hits(rates, 6)).count(True) <= 1


async def test_all_are_let_in_again_when_nothing_is_counted_any_more(
    rates: Rates, passes: Passing
) -> None:
    await hits(rates, 6)

    await passes((await rates.hit("a", MINUTE)).reset_s + 0.1)

    assert await hits(rates, 7) == [True] * 6 + [False]


async def test_who_waits_as_long_as_told_is_let_in(rates: Rates, passes: Passing) -> None:
    for _ in range(3):
        await hits(rates, 7)
        over = await rates.hit("a", MINUTE)
        early = over.wait_s - 0.5

        await passes(early)
        refused = await rates.hit("a", MINUTE)
        await passes(0.6)

        assert (over.is_over, refused.is_over) == (True, True)
        assert not (await rates.hit("a", MINUTE)).is_over


async def test_what_remains_is_told(rates: Rates) -> None:
    told = [await rates.hit("a", MINUTE) for _ in range(7)]

    assert [each.remaining for each in told] == [5, 4, 3, 2, 1, 0, 0]
    assert [bool(each.wait_s) for each in told] == [False] * 5 + [True] * 2
    assert all(60 < each.reset_s <= 120 for each in told)


async def test_those_who_come_at_once_are_counted_one_by_one(rates: Rates) -> None:
    told = await asyncio.gather(*(rates.hit("a", MINUTE) for _ in range(90)))

    assert sum(not each.is_over for each in told) == 6


async def test_a_full_memory_forgets_who_did_not_come_for_longest() -> None:
    rates = MemoryRates(float, names=2)
    await hits(rates, 6, "a")
    await hits(rates, 6, "b")

    await hits(rates, 1, "c")

    assert await hits(rates, 1, "b") == [False]
    assert await hits(rates, 1, "a") == [True]


@pytest.mark.parametrize(
    ("held", "remaining", "wait_s"),
    [
        (Held(), 6, 0.0),
        (Held(6, 30.0, 0, 30.0), 3, 0.0),
        (Held(6, 60.0, 0, 60.0), 0, 0.0),
        (Held(6, 30.0, 3, 30.0), 0, 0.0),
        (Held(6, 50.0, 3, 50.0), 0, 20.0),
        (Held(0, 0.0, 6, 15.0), 0, 15.0),
        (Held(0, 0.0, 12, 15.0), 0, 45.0),
    ],
)
def test_the_wait_lasts_until_the_older_window_weighs_little_enough(
    held: Held, remaining: int, wait_s: float
) -> None:
    told = standing(MINUTE, held, is_over=not remaining)

    assert (told.remaining, told.wait_s) == (remaining, wait_s)
