"""Quiet hours move what is told to their end, in the time zone of who is told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from imagemill.contracts.users import QuietHours
from imagemill.notifier.quiet import tell_at

BERLIN = QuietHours(start="22:00", end="07:00", time_zone="Europe/Berlin")
"""UTC+1 in winter and UTC+2 in summer."""
SHORT = QuietHours(start="01:30", end="02:30", time_zone="Europe/Berlin")
"""Ends at a time of day that does not come in spring, and comes twice in autumn."""


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def told(at: str, quiet: QuietHours | None) -> str:
    """Give the time of telling, in UTC."""
    return datetime.fromtimestamp(tell_at(seconds(at), quiet), UTC).strftime("%Y-%m-%d %H:%M")


def test_without_quiet_hours_it_is_told_at_once() -> None:
    assert told("2026-01-15 03:00", None) == "2026-01-15 03:00"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-01-15 20:59", "2026-01-15 20:59"),
        ("2026-01-15 21:00", "2026-01-16 06:00"),
        ("2026-01-15 23:30", "2026-01-16 06:00"),
        ("2026-01-16 05:59", "2026-01-16 06:00"),
        ("2026-01-16 06:00", "2026-01-16 06:00"),
        ("2026-07-15 20:00", "2026-07-16 05:00"),
    ],
    ids=["before", "at the start", "in the night", "near the end", "at the end", "in summer"],
)
def test_hours_over_midnight_end_on_the_next_day(at: str, expected: str) -> None:
    assert told(at, BERLIN) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [("2026-01-15 11:59", "2026-01-15 11:59"), ("2026-01-15 12:00", "2026-01-15 14:00")],
)
def test_hours_within_a_day_end_on_the_same_day(at: str, expected: str) -> None:
    assert told(at, QuietHours(start="12:00", end="14:00")) == expected


def test_a_night_in_which_the_clocks_go_forward_ends_by_the_new_time() -> None:
    # 2026-03-29 02:00 becomes 03:00: seven o'clock is 05:00 UTC, and was 06:00 the day before.
    assert told("2026-03-28 23:00", BERLIN) == "2026-03-29 05:00"


def test_a_night_in_which_the_clocks_go_back_ends_by_the_new_time() -> None:
    assert told("2026-10-24 22:00", BERLIN) == "2026-10-25 06:00"


def test_an_end_that_the_clocks_skip_is_told_when_they_have() -> None:
    # 02:30 does not come; what waited is told at 03:30, as long after 01:30 as on any day.
    assert told("2026-03-29 00:45", SHORT) == "2026-03-29 01:30"


@pytest.mark.parametrize(
    ("at", "expected"),
    [("2026-10-25 00:10", "2026-10-25 00:30"), ("2026-10-25 01:10", "2026-10-25 01:30")],
    ids=["in the first 02:10", "in the second 02:10"],
)
def test_an_end_that_comes_twice_is_the_next_one(at: str, expected: str) -> None:
    assert told(at, SHORT) == expected


@pytest.mark.parametrize(
    "quiet",
    [
        QuietHours(start="22:00", end="22:00"),
        QuietHours(start="late", end="07:00"),
        QuietHours(start="00:00", end="23:59", time_zone="Atlantis/Capital"),
        QuietHours(start="00:00", end="23:59", time_zone="../../etc/passwd"),
    ],
    ids=["empty", "no time", "no zone", "no name of a zone"],
)
def test_hours_that_are_none_hold_nothing_back(quiet: QuietHours) -> None:
    assert told("2026-01-15 22:00", quiet) == "2026-01-15 22:00"
