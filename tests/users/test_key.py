"""What can be set for a key, and what is refused."""

from __future__ import annotations

import pytest

from imagemill.errors import InvalidRequest
from imagemill.users.key import Key, change_of, changed

KEY = Key("0123456789abcdef" * 4, "a", "admin-key", frozenset({"*"}), 0.0, 4, 60.0)


def test_only_what_is_named_is_set() -> None:
    assert changed(KEY, change_of({})) == KEY
    assert changed(KEY, change_of({"max_retries": 0})).identity.max_retries == 0
    assert changed(KEY, change_of({"timeout_s": 1})).max_retries == 4


def test_null_resets() -> None:
    reset = changed(KEY, change_of({"max_retries": None, "timeout_s": None}))

    assert (reset.max_retries, reset.timeout_s) == (None, None)


def test_a_key_is_named_by_a_quarter_of_its_digest() -> None:
    assert KEY.identity.key_id == KEY.key_id == "0123456789abcdef"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"max_retries": -1}, "max_retries must be at least 0."),
        ({"max_retries": 21}, "max_retries must be at most 20."),
        ({"max_retries": 1.5}, "max_retries must be a whole number."),
        ({"max_retries": True}, "max_retries must be a whole number."),
        ({"max_retries": "2"}, "max_retries must be a whole number."),
        ({"timeout_s": 0.5}, "timeout_s must be at least 1.0."),
        ({"timeout_s": 3601}, "timeout_s must be at most 3600.0."),
        ({"timeout_s": True}, "timeout_s must be a number."),
        ({"timeout_s": "30"}, "timeout_s must be a number."),
        ({"timeout_s": float("nan")}, "timeout_s must be a finite number."),
        ({"timeout_s": float("inf")}, "timeout_s must be a finite number."),
        ({"retries": 2}, "retries is not known here."),
    ],
)
def test_what_cannot_be_set_is_refused_by_name(value: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        change_of(value)

    assert [f"{each.field} {each.problem}" for each in error.value.errors] == [words]
