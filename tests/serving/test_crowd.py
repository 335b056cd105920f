"""Connections are counted, looked at, and not blamed for what this side did not do."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from ipaddress import ip_network

import pytest

from imagemill.gateway.settings import GatewaySettings
from imagemill.serving.crowd import Crowd
from imagemill.serving.pace import Bounds, Pace, bounds_for

BOUNDS = replace(
    bounds_for(GatewaySettings(), is_gateway=True), connections=4, connections_per_address=2
)


class Watched:
    """A connection that notes how it was looked at."""

    def __init__(self, untaken: int = 0) -> None:
        self.untaken = untaken
        self.seen: list[str] = []
        self.was_seen = asyncio.Event()

    def look(self, now: float) -> None:
        self._note("look")

    def excuse(self, now: float) -> None:
        self._note("excuse")

    def give_up(self, now: float) -> None:
        self._note("give up")

    def _note(self, what: str) -> None:
        self.seen.append(what)
        self.was_seen.set()


def joined(crowd: Crowd, *addresses: str) -> list[bool]:
    return [crowd.joins(Watched(), each) for each in addresses]


async def test_connections_are_bounded_from_one_address_and_all_together() -> None:
    crowd = Crowd(BOUNDS, [])

    assert joined(crowd, "192.0.2.1", "192.0.2.1", "192.0.2.1") == [True, True, False]
    assert joined(crowd, "2001:db8::1", "2001:db8::2", "192.0.2.2") == [True, True, False]


async def test_a_trusted_proxy_brings_as_many_as_there_is_room_for() -> None:
    crowd = Crowd(BOUNDS, [ip_network("10.0.0.0/8")])

    assert joined(crowd, *["10.0.0.1"] * 5) == [True] * 4 + [False]


async def test_who_leaves_makes_room_and_who_was_turned_away_does_not() -> None:
    crowd = Crowd(replace(BOUNDS, connections_per_address=1), [])
    first, second = Watched(), Watched()
    assert [crowd.joins(each, "192.0.2.1") for each in (first, second)] == [True, False]

    crowd.leaves(second)
    assert joined(crowd, "192.0.2.1") == [False]
    crowd.leaves(first)

    assert joined(crowd, "192.0.2.1") == [True]


async def test_nothing_is_bounded_that_has_no_bound() -> None:
    crowd = Crowd(bounds_for(GatewaySettings(), is_gateway=False), [])

    assert all(joined(crowd, *["192.0.2.1"] * 3000))


async def test_all_are_looked_at_until_they_leave() -> None:
    crowd, line = Crowd(replace(BOUNDS, head_s=0.1, slow_s=0.1), []), Watched()
    crowd.joins(line, "192.0.2.1")

    async with asyncio.timeout(10):
        await line.was_seen.wait()
    crowd.leaves(line)

    assert set(line.seen) <= {"look", "excuse"}


async def test_nobody_is_blamed_for_the_time_in_which_this_process_stood_still() -> None:
    crowd, line = Crowd(replace(BOUNDS, head_s=0.1, slow_s=0.1), []), Watched()
    crowd.joins(line, "192.0.2.1")

    time.sleep(0.7)  # noqa: ASYNC251  # sleeps: it is this process that stands still
    async with asyncio.timeout(10):
        await line.was_seen.wait()
    crowd.leaves(line)

    assert line.seen[0] == "excuse"


async def test_who_leaves_most_lying_is_given_up_while_all_leave_too_much() -> None:
    crowd = Crowd(replace(BOUNDS, untaken=100, connections=9, head_s=0.1, slow_s=0.1), [])
    lines = [Watched(untaken) for untaken in (10, 80, 20, 0, 70)]
    for number, line in enumerate(lines):
        crowd.joins(line, f"192.0.2.{number}")

    async with asyncio.timeout(10):
        while "give up" not in lines[1].seen:
            lines[1].was_seen.clear()
            await lines[1].was_seen.wait()
    for line in lines:
        crowd.leaves(line)

    assert ["give up" in line.seen for line in lines] == [False, True, False, False, False]


@pytest.mark.parametrize(
    ("moved", "seconds", "is_too_slow"),
    [(0, 9.9, False), (0, 10, True), (9_999, 10, True), (10_000, 10, False), (19_999, 20, True)],
)
def test_the_speed_is_that_of_the_whole_time(
    moved: int,
    seconds: float,
    is_too_slow: bool,  # noqa: FBT001 - a case
) -> None:
    pace = Pace(100.0).with_more(moved)

    assert pace.is_too_slow(100 + seconds, BOUNDS) == is_too_slow


def test_what_came_fast_at_first_does_not_count_for_ever() -> None:
    pace = Pace(100.0).with_more(1_000_000)

    assert pace.renewed(105.0, BOUNDS) == pace
    assert pace.renewed(110.0, BOUNDS) == Pace(110.0)


def test_a_service_leaves_patience_to_the_gateway() -> None:
    bounds = bounds_for(GatewaySettings(), is_gateway=False)

    assert (bounds.head_s, bounds.slowest, bounds.connections) == (0, 0, 0)
    assert isinstance(bounds, Bounds)
