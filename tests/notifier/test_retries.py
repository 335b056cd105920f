"""When a delivery is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagemill.notifier.retries import LONGEST_S, PAUSES_S, TRIES, pause_s


def exact() -> float:
    return 0.0


def test_there_are_ten_tries_over_about_three_days() -> None:
    assert TRIES == 10
    assert 2.5 * 86400 < sum(PAUSES_S) < 3.5 * 86400


def test_pauses_grow() -> None:
    pauses = [pause_s(each, None, exact) for each in range(1, TRIES)]

    assert pauses == sorted(PAUSES_S)


def test_the_tenth_try_is_the_last() -> None:
    assert pause_s(TRIES, None, exact) is None


@pytest.mark.parametrize(("chance", "pause"), [(-1.0, 4.0), (0.0, 5.0), (1.0, 6.0)])
def test_a_fifth_of_a_pause_is_left_to_chance(chance: float, pause: float) -> None:
    assert pause_s(1, None, lambda: chance) == pytest.approx(pause)


def test_a_receiver_that_asks_for_a_longer_pause_gets_it() -> None:
    assert pause_s(1, 120.0, exact) == pytest.approx(120.0)


def test_a_receiver_cannot_make_a_pause_shorter() -> None:
    assert pause_s(2, 1.0, exact) == pytest.approx(60.0)


def test_a_receiver_cannot_ask_for_more_than_a_day() -> None:
    assert pause_s(1, 1e9, exact) == pytest.approx(LONGEST_S)


def test_the_pace_leaves_alone_what_a_receiver_asks_for() -> None:
    assert pause_s(2, None, exact, pace=0.01) == pytest.approx(0.6)
    assert pause_s(2, 30.0, exact, pace=0.01) == pytest.approx(30.0)


@given(
    tries=st.integers(1, TRIES - 1),
    after_s=st.none() | st.floats(0, 1e12),
    chance=st.floats(-1, 1),
)
def test_every_pause_is_between_four_seconds_and_a_day_and_a_fifth(
    tries: int, after_s: float | None, chance: float
) -> None:
    pause = pause_s(tries, after_s, lambda: chance)

    assert pause is not None
    assert 4.0 <= pause <= 1.2 * LONGEST_S
