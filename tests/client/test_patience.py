"""How long the client waits before it asks again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagemill.client import patience


@given(waited_s=st.floats(0, 1e6))
def test_a_poll_never_comes_sooner_than_10_ms_nor_later_than_a_second(waited_s: float) -> None:
    pause_s = patience.poll_pause_s(waited_s)

    assert 0.01 <= pause_s <= 1.0


def test_polling_a_job_of_one_second_costs_few_questions() -> None:
    waited_s, questions = 0.0, 0

    while waited_s < 1.0:
        waited_s += patience.poll_pause_s(waited_s)
        questions += 1

    assert questions <= 25


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_after_the_pause_that_it_named(status: int) -> None:
    assert patience.retry_pause_s(status, tried=1, retry_after_s=3.0) == 3.0


def test_without_a_word_from_the_server_the_pauses_double() -> None:
    pauses_s = [patience.retry_pause_s(503, tried, None) for tried in range(1, patience.TRIES)]

    assert pauses_s == [0.5, 1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize("status", [400, 401, 404, 409, 413, 422, 500, 504])
def test_what_may_have_been_done_already_is_not_sent_again(status: int) -> None:
    assert patience.retry_pause_s(status, tried=1, retry_after_s=None) is None


def test_a_server_stays_busy_only_so_often() -> None:
    assert patience.retry_pause_s(503, patience.TRIES, None) is None


def test_a_pause_longer_than_people_wait_is_an_error_at_once() -> None:
    assert patience.retry_pause_s(429, tried=1, retry_after_s=3600) is None


@pytest.mark.parametrize(
    ("header", "pause_s"),
    [("2", 2.0), ("0", 0.0), ("-1", 0.0), (None, None), ("", None), ("Sun, 22 Nov 2026", None)],
)
def test_retry_after_is_read_in_seconds(header: str | None, pause_s: float | None) -> None:
    assert patience.asked_pause_s(header) == pause_s
