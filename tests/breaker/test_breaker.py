"""A circuit breaker by cases, and by random walks with many calls under way at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from imagemill.breaker import Asked, Breaker, BreakerSettings, State, Verdict
from imagemill.errors import Conflict, NotAsked, NotFound, Timeout, TooLarge, Unavailable, by_code

SETTINGS = BreakerSettings(failures=3, rest_s=5.0, longest_rest_s=30.0)


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
def breaker(clock: Clock) -> Breaker:
    return Breaker("part", SETTINGS, clock=clock)


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(Unavailable, match="on purpose"), breaker.asking():
            raise Unavailable("on purpose")


def answer(breaker: Breaker) -> None:
    with breaker.asking():
        pass


def is_let_in(breaker: Breaker) -> bool:
    """Ask, and leave the call under way."""
    try:
        breaker.asking()
    except NotAsked:
        return False
    return True


@pytest.fixture
def opened(breaker: Breaker) -> Breaker:
    fail(breaker, times=3)
    return breaker


def test_it_opens_after_so_many_failures_in_a_row(breaker: Breaker) -> None:
    fail(breaker, times=2)
    before = breaker.state
    fail(breaker)

    assert (before, breaker.state) == (State.CLOSED, State.OPEN)


def test_an_answer_in_between_starts_the_count_again(breaker: Breaker) -> None:
    fail(breaker, times=2)
    answer(breaker)
    fail(breaker, times=2)

    assert breaker.state is State.CLOSED


@pytest.mark.parametrize("refusal", [NotFound, Conflict, TooLarge])
def test_a_refusal_is_an_answer(breaker: Breaker, refusal: type[NotFound]) -> None:
    fail(breaker, times=2)
    with pytest.raises(refusal), breaker.asking():
        raise refusal("on purpose")
    fail(breaker, times=2)

    assert breaker.state is State.CLOSED


def test_a_timeout_is_a_failure(breaker: Breaker) -> None:
    for _ in range(3):
        with pytest.raises(Timeout), breaker.asking():
            raise Timeout("on purpose")

    assert breaker.state is State.OPEN


def test_a_call_that_was_cancelled_tells_nothing(breaker: Breaker) -> None:
    fail(breaker, times=2)
    with pytest.raises(asyncio.CancelledError), breaker.asking():
        raise asyncio.CancelledError
    fail(breaker)

    assert breaker.state is State.OPEN


def test_while_open_it_turns_calls_away_and_says_how_long(opened: Breaker, clock: Clock) -> None:
    clock.now += 2.5

    with pytest.raises(NotAsked, match="part") as refused:
        opened.asking()

    assert refused.value.retry_after_s == 3
    assert opened.seen().turned_away == 1


def test_callers_see_the_code_of_a_part_that_does_not_answer() -> None:
    assert NotAsked("x").code == "unavailable"
    assert by_code("unavailable") is Unavailable


def test_requiring_it_refuses_during_a_rest_and_is_no_probe(opened: Breaker, clock: Clock) -> None:
    with pytest.raises(NotAsked):
        opened.require()
    clock.now += 5

    opened.require()

    assert opened.state is State.OPEN


def test_after_the_rest_one_call_goes_through_and_no_other(opened: Breaker, clock: Clock) -> None:
    clock.now += 5

    let_in = [is_let_in(opened) for _ in range(20)]

    assert let_in == [True] + [False] * 19
    assert opened.state is State.HALF_OPEN


def test_a_probe_that_is_answered_closes_it(opened: Breaker, clock: Clock) -> None:
    clock.now += 5
    answer(opened)

    fail(opened, times=2)

    assert opened.state is State.CLOSED


def test_the_rest_doubles_while_probes_fail_up_to_its_limit(opened: Breaker, clock: Clock) -> None:
    rests = []
    for _ in range(5):
        with pytest.raises(NotAsked) as refused:
            opened.asking()
        rests.append(refused.value.retry_after_s)
        clock.now += refused.value.retry_after_s or 0
        fail(opened)

    assert rests == [5, 10, 20, 30, 30]


def test_after_it_was_closed_the_rest_is_short_again(opened: Breaker, clock: Clock) -> None:
    clock.now += 5
    fail(opened)
    clock.now += 10
    answer(opened)

    fail(opened, times=3)

    clock.now += 5
    assert is_let_in(opened)


def test_each_rest_is_varied(clock: Clock) -> None:
    breaker = Breaker("part", SETTINGS, clock=clock, jitter=lambda rest_s: rest_s * 0.5)
    fail(breaker, times=3)

    clock.now += 2.4
    early = is_let_in(breaker)
    clock.now += 0.2

    assert (early, is_let_in(breaker)) == (False, True)


def test_a_probe_that_was_cancelled_makes_room_at_once(opened: Breaker, clock: Clock) -> None:
    clock.now += 5
    with pytest.raises(asyncio.CancelledError), opened.asking():
        raise asyncio.CancelledError

    assert is_let_in(opened)


def test_a_probe_that_stays_silent_makes_room_after_a_rest(opened: Breaker, clock: Clock) -> None:
    clock.now += 5
    silent = opened.asking()
    clock.now += 5
    second = is_let_in(opened)

    silent.settle(Verdict.ANSWERED)

    assert second
    assert opened.state is State.HALF_OPEN


def test_calls_that_began_before_it_opened_decide_nothing(breaker: Breaker, clock: Clock) -> None:
    late = [breaker.asking() for _ in range(10)]
    fail(breaker, times=3)
    clock.now += 5
    probe = breaker.asking()

    late[0].settle(Verdict.ANSWERED)
    late[1].settle(Verdict.FAILED)
    during = breaker.state
    probe.settle(Verdict.ANSWERED)
    late[2].settle(Verdict.FAILED)

    assert (during, breaker.state) == (State.HALF_OPEN, State.CLOSED)


def test_only_the_first_verdict_on_a_call_counts(opened: Breaker, clock: Clock) -> None:
    clock.now += 5
    asked = opened.asking()

    asked.settle(Verdict.ANSWERED)
    asked.settle(Verdict.FAILED)

    assert opened.state is State.CLOSED


def test_it_shows_how_it_stands_in_plain_numbers(opened: Breaker, clock: Clock) -> None:
    is_let_in(opened)
    clock.now += 5
    fail(opened)

    seen = opened.seen()

    assert (seen.state, seen.failures, seen.turned_away, seen.openings) == (State.OPEN, 4, 1, 2)


async def test_what_a_callers_stream_raises_is_no_verdict(opened: Breaker, clock: Clock) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise Unavailable("on the caller's side")

    clock.now += 5
    with pytest.raises(Unavailable), opened.asking() as asked:
        async for _ in asked.fed_by(broken()):
            pass

    assert opened.seen().failures == 3
    assert is_let_in(opened)


class Walk(RuleBasedStateMachine):
    """Calls begin, end and stay away in any order, and time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = Breaker("part", SETTINGS, clock=self.clock)
        self.under_way: list[Asked] = []

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def begin(self) -> None:
        before = self.breaker.state
        turned_away = self.breaker.seen().turned_away

        with suppress(NotAsked):
            self.under_way.append(self.breaker.asking())

        if self.breaker.seen().turned_away > turned_away:
            assert self.breaker.state is before is not State.CLOSED
        else:
            closed = before is State.CLOSED
            assert self.breaker.state is (State.CLOSED if closed else State.HALF_OPEN)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), verdict=st.sampled_from(Verdict))
    def end(self, data: st.DataObject, verdict: Verdict) -> None:
        place = data.draw(st.integers(0, len(self.under_way) - 1))
        before = self.breaker.state

        self.under_way.pop(place).settle(verdict)

        if before is State.CLOSED and self.breaker.state is State.OPEN:
            assert verdict is Verdict.FAILED
        if before is State.OPEN:
            assert self.breaker.state is State.OPEN
        if before is State.HALF_OPEN and self.breaker.state is State.CLOSED:
            assert verdict is Verdict.ANSWERED

    @precondition(lambda self: self.breaker.state is not State.CLOSED)
    @rule()
    def nobody_is_turned_away_for_ever(self) -> None:
        self.clock.now += SETTINGS.longest_rest_s

        self.under_way.append(self.breaker.asking())

        assert not is_let_in(self.breaker)


TestWalks = Walk.TestCase
TestWalks.settings = settings(max_examples=60, stateful_step_count=40)
