"""Keys of requests, what a request means, and who is at one."""

from __future__ import annotations

import pytest
from fastapi import Request

from imagemill.errors import IdempotencyKeyReused, InvalidRequest, RequestInProgress
from imagemill.idempotency import Remembered, Running, check, fingerprint, key_of


def request(*keys: str) -> Request:
    headers = [(b"idempotency-key", key.encode("latin-1")) for key in keys]
    return Request({"type": "http", "headers": headers})


def remembered(meaning: str = "m") -> Remembered:
    return Remembered(meaning, 201, "/api/v1/images/i", '{"a":1}', "i", 1_000.0)


@pytest.mark.parametrize("key", ["x", "~" * 255, '"8e03978e-40d5"', "a b"])
def test_a_key_is_read_as_it_stands(key: str) -> None:
    assert key_of(request(key)) == key


def test_without_a_key_there_is_none() -> None:
    assert key_of(request()) is None


@pytest.mark.parametrize("keys", [("",), ("x" * 256,), ("kéy",), ("a\x7f",), ("a\tb",), ("a", "a")])
def test_a_key_that_cannot_be_used_is_refused_by_name(keys: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        key_of(request(*keys))

    assert [each.field for each in refusal.value.errors] == ["Idempotency-Key"]


def test_the_order_in_which_a_wish_is_written_means_nothing() -> None:
    assert fingerprint("r", {"a": 1, "b": 2}) == fingerprint("r", {"b": 2, "a": 1})


def test_another_route_wish_or_picture_means_something_else() -> None:
    meanings = {fingerprint("r", 1), fingerprint("s", 1), fingerprint("r", 2), fingerprint("r1")}

    assert len(meanings) == 4


def test_a_request_that_means_the_same_passes() -> None:
    check(remembered("same"), "same")


def test_a_key_that_meant_something_else_is_refused() -> None:
    with pytest.raises(IdempotencyKeyReused):
        check(remembered("one"), "other")


def test_a_stored_answer_is_what_was_answered_and_says_that_it_is_stored() -> None:
    answer = remembered().answer()

    assert (answer.status_code, answer.body) == (201, b'{"a":1}')
    assert answer.headers["location"] == "/api/v1/images/i"
    assert answer.headers["idempotency-replayed"] == "true"
    assert answer.headers["content-type"] == "application/json"


def test_a_key_that_is_being_worked_on_is_refused_until_later() -> None:
    running = Running()

    with (
        running.entered("owner", "k"),
        pytest.raises(RequestInProgress) as refusal,
        running.entered("owner", "k"),
    ):
        pytest.fail("the second may not enter")

    assert refusal.value.retry_after_s == 1


def test_owners_do_not_share_keys() -> None:
    running = Running()

    with running.entered("one", "k"), running.entered("other", "k"):
        pass


def test_a_key_is_free_again_after_a_failure() -> None:
    running = Running()

    with pytest.raises(InvalidRequest), running.entered("owner", "k"):
        raise InvalidRequest("No.")

    with running.entered("owner", "k"):
        pass
