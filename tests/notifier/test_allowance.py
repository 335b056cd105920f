"""A day has so many messages for each account and channel."""

from __future__ import annotations

from imagemill.notifier.allowance import Allowance
from tests.notifier.told import Clock


def test_an_account_gets_so_many_messages_by_each_channel() -> None:
    allowance = Allowance(2, Clock())

    allowance.count("A", "sms")
    before = allowance.is_left("A", "sms")
    allowance.count("A", "sms")

    assert before
    assert not allowance.is_left("A", "sms")
    assert allowance.is_left("A", "mail")
    assert allowance.is_left("B", "sms")


def test_the_next_day_begins_anew() -> None:
    clock = Clock()
    allowance = Allowance(1, clock)
    allowance.count("A", "sms")

    clock.now += 86_400

    assert allowance.is_left("A", "sms")
