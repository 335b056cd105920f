"""A checksum that only the rows themselves decide."""

from __future__ import annotations

import pytest

from imagemill.transfer.checksums import Tally, tally

ROWS = [{"id": "a", "at": 1.5, "body": b"x", "gone": None}, {"id": "b", "at": 2.0, "body": b""}]


def test_the_order_of_rows_and_columns_does_not_matter() -> None:
    turned = [dict(reversed(each.items())) for each in reversed(ROWS)]

    assert tally(turned) == tally(ROWS)


def test_parts_add_up_to_the_whole() -> None:
    assert tally(ROWS[:1]) + tally(ROWS[1:]) == tally(ROWS)
    assert Tally() + tally(ROWS) == tally(ROWS)


@pytest.mark.parametrize(
    "other",
    [
        {"id": "a", "at": 1.5, "body": b"x", "gone": ""},
        {"id": "a", "at": 1.5, "body": "x", "gone": None},
        {"id": "a", "at": "1.5", "body": b"x", "gone": None},
        {"id": "a", "at": 1.5000000000000002, "body": b"x", "gone": None},
        {"id": "b", "at": 1.5, "body": b"x", "gone": None},
    ],
)
def test_any_other_value_makes_another_checksum(other: dict[str, object]) -> None:
    assert tally([other]) != tally(ROWS[:1])


def test_a_row_that_comes_twice_does_not_vanish() -> None:
    assert tally([ROWS[0], ROWS[0]]).checksum not in {Tally().checksum, tally(ROWS[:1]).checksum}


def test_what_engines_call_the_same_bytes_is_the_same() -> None:
    assert tally([{"body": memoryview(b"x")}]) == tally([{"body": b"x"}])


def test_a_value_of_another_kind_is_not_passed_over() -> None:
    with pytest.raises(TypeError, match="no column holds a list"):
        tally([{"body": [1]}])


def test_a_text_with_a_nul_is_what_postgresql_makes_of_it() -> None:
    assert tally([{"name": "a\0b"}]) == tally([{"name": "a\N{REPLACEMENT CHARACTER}b"}])
