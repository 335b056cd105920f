"""Whose job is next: fair shares, lanes, and how many jobs are announced ahead."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagemill.jobs.turns import Priority, Window, priority_of, turn_after

LANES: Final = st.sampled_from(Priority)
OWNERS: Final = st.sampled_from("ABCD")


@dataclass
class Outbox:
    """Jobs that wait for their turns: the outbox without its database."""

    clock: int = 0
    waiting: list[tuple[int, int, str, Priority]] = field(default_factory=list)
    last: dict[tuple[str, Priority], int] = field(default_factory=dict)
    put_so_far: int = 0

    def put(self, owner: str, lane: Priority = Priority.NORMAL, count: int = 1) -> None:
        for _ in range(count):
            waits = self.last.get((owner, lane), 0) > self.clock
            last = self.last[owner, lane] if waits else None
            turn = self.last[owner, lane] = turn_after(self.clock, last, lane)
            heapq.heappush(self.waiting, (turn, self.put_so_far, owner, lane))
            self.put_so_far += 1

    def take(self) -> tuple[int, str, Priority]:
        """Announce the next job; tell which one it was, and whose."""
        turn, number, owner, lane = heapq.heappop(self.waiting)
        self.clock = max(self.clock, turn)
        return number, owner, lane

    def takes(self, count: int) -> Counter[tuple[str, Priority]]:
        return Counter(self.take()[1:] for _ in range(count))


def test_ten_jobs_of_another_owner_come_before_what_is_left_of_ten_thousand() -> None:
    outbox = Outbox()
    outbox.put("A", count=10_000)
    outbox.takes(500)

    outbox.put("B", count=10)

    following = [outbox.take()[1] for _ in range(20)]
    assert following.count("B") == 10


@given(ahead=st.integers(1, 300), taken=st.integers(0, 300), jobs=st.integers(1, 10))
def test_who_comes_later_shares_alike_with_who_has_many_waiting(
    ahead: int, taken: int, jobs: int
) -> None:
    outbox = Outbox()
    outbox.put("A", count=ahead + taken)
    outbox.takes(taken)

    outbox.put("B", count=jobs)

    following = [outbox.take()[1] for _ in range(min(2 * jobs, ahead + jobs))]
    assert following.count("B") >= min(jobs, len(following) // 2)


def test_lanes_have_their_weights() -> None:
    outbox = Outbox()
    for lane in Priority:
        outbox.put("A", lane, count=1_000)

    taken = outbox.takes(730)

    assert [taken["A", lane] for lane in Priority] == [640, 80, 10]


def test_a_high_job_goes_before_the_normal_ones_that_wait() -> None:
    outbox = Outbox()
    outbox.put("A", count=100)

    outbox.put("B", Priority.HIGH)

    assert outbox.take()[1:] == ("B", Priority.HIGH)


@given(floods=st.lists(st.tuples(OWNERS, LANES), unique=True, max_size=12), lane=LANES)
def test_nobody_starves_however_much_others_keep_asking(
    floods: list[tuple[str, Priority]], lane: Priority
) -> None:
    outbox = Outbox(clock=1_000)
    for owner, flood in floods:
        outbox.put(owner, flood, count=3)
    outbox.put("late", lane)

    before = 0
    while (seen := outbox.take())[1] != "late":
        outbox.put(seen[1], seen[2])
        before += 1

    assert before <= sum(lane.step // flood.step + 1 for _, flood in floods)


@given(st.lists(st.one_of(st.tuples(OWNERS, LANES), st.none()), max_size=200))
def test_within_an_owner_and_a_lane_who_came_first_is_served_first(
    story: list[tuple[str, Priority] | None],
) -> None:
    outbox = Outbox()
    seen: list[tuple[int, str, Priority]] = []
    for each in story:
        if each is not None:
            outbox.put(*each)
        elif outbox.waiting:
            seen.append(outbox.take())
    seen += [outbox.take() for _ in range(len(outbox.waiting))]

    assert len(seen) == outbox.put_so_far
    for flow in {(owner, lane) for _, owner, lane in seen}:
        numbers = [number for number, *whose in seen if tuple(whose) == flow]
        assert numbers == sorted(numbers)


@given(now=st.integers(0, 1 << 40), last=st.none() | st.integers(0, 1 << 40), lane=LANES)
def test_a_turn_is_never_in_the_past(now: int, last: int | None, lane: Priority) -> None:
    assert turn_after(now, last, lane) == max(now, last or 0) + lane.step


@pytest.mark.parametrize("lane", Priority)
def test_a_lane_is_kept_as_a_number_and_read_again(lane: Priority) -> None:
    assert priority_of(lane.lane) is lane


@pytest.mark.parametrize(
    ("size", "unclaimed", "oldest_s", "fitted"),
    [
        (16, 4, 0.1, 32),
        (16, 5, 0.1, 16),
        (16, 0, 0.0, 32),
        (1024, 0, 0.0, 1024),
        (64, 60, 0.3, 32),
        (64, 0, 0.3, 32),
        (16, 16, 9.0, 16),
        (64, 60, 0.25, 64),
    ],
)
def test_a_window_fits_how_fast_workers_come(
    size: int, unclaimed: int, oldest_s: float, fitted: int
) -> None:
    assert Window(size).fitted(unclaimed, oldest_s).size == fitted


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 2)), max_size=50))
def test_a_window_stays_within_its_bounds(looks: list[tuple[float, float]]) -> None:
    window = Window(least=8, most=100, size=8)

    for part, oldest_s in looks:
        window = window.fitted(int(window.size * part), oldest_s)

        assert window.least <= window.size <= window.most
        assert (window.least, window.most, window.wait_s) == (8, 100, 0.25)
