"""What is committed of a partition, and whose each partition is."""

from __future__ import annotations

from itertools import chain

import pytest

from imagemill.queue.kafka_ledger import Ledger, Member, share


def ledger(*offsets: int) -> Ledger:
    page = Ledger()
    for offset in offsets:
        page.take(offset)
    return page


def test_nothing_is_due_before_anything_is_done() -> None:
    page = ledger(0, 1)

    assert page.position == 0
    assert not page.is_due


def test_only_what_is_done_without_a_gap_is_committed() -> None:
    page = ledger(5, 6, 7, 8)

    page.end(5)
    page.end(7)

    assert page.position == 6


def test_the_oldest_one_done_commits_all_behind_it() -> None:
    page = ledger(5, 6, 7, 8)
    for offset in (6, 7, 8):
        page.end(offset)
    before = page.position

    page.end(5)

    assert (before, page.position) == (5, 9)
    assert page.is_due


def test_offsets_that_no_message_has_are_no_gap() -> None:
    page = ledger(5, 9)

    page.end(5)
    page.end(9)

    assert page.position == 10


def test_what_is_given_back_is_not_done_and_may_be_taken_again() -> None:
    page = ledger(5, 6)
    page.give_back(6)
    page.end(5)

    assert page.position == 6
    assert not page.is_held
    assert page.take(6)


def test_after_partitions_are_shared_out_neither_held_nor_done_comes_again() -> None:
    page = ledger(5, 6, 7)
    page.end(6)
    page.give_back(7)

    page.read_again()
    taken = [page.take(offset) for offset in (5, 6, 7, 8)]

    assert taken == [False, False, True, True]


def test_a_log_that_goes_backwards_is_noticed() -> None:
    page = ledger(5, 6, 7)

    with pytest.raises(LookupError, match="Offset 0 came after 7"):
        page.take(0)


def test_span_grows_behind_a_message_that_is_held() -> None:
    page = ledger(*range(10))
    for offset in range(1, 10):
        page.end(offset)
    behind = page.span

    page.end(0)

    assert (behind, page.span) == (10, 0)


def test_partitions_are_shared_evenly() -> None:
    shares = share(range(12), {"a": Member(), "b": Member(), "c": Member()})

    assert {name: len(each) for name, each in shares.items()} == {"a": 4, "b": 4, "c": 4}
    assert sorted(chain.from_iterable(shares.values())) == list(range(12))


def test_a_partition_of_which_a_message_is_held_stays() -> None:
    shares = share(range(4), {"old": Member(held=(1, 3)), "new": Member()})

    assert shares == {"old": [1, 3], "new": [0, 2]}


def test_nobody_keeps_more_than_an_even_share() -> None:
    shares = share(range(4), {"old": Member(held=range(4)), "new": Member()})

    assert shares == {"old": [0, 1], "new": [2, 3]}


def test_who_takes_nothing_more_gets_only_what_it_holds() -> None:
    shares = share(range(4), {"leaving": Member(held=(2,), takes=False), "new": Member()})

    assert shares == {"leaving": [2], "new": [0, 1, 3]}


def test_while_nobody_takes_anything_partitions_still_have_an_owner() -> None:
    shares = share(range(2), {"leaving": Member(takes=False)})

    assert shares == {"leaving": [0, 1]}


def test_more_members_than_partitions_leave_some_without() -> None:
    shares = share(range(1), {"a": Member(), "b": Member()})

    assert shares == {"a": [0], "b": []}
