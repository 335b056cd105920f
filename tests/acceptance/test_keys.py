"""A key shows itself, and what is set for its jobs, to whoever calls with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from tests.acceptance.accounts import client_of
from tests.acceptance.api import API, fields_of, good, problem
from tests.acceptance.system import System

CURRENT = "/api/v1/api-keys/current"


@pytest.fixture
def caller(system: System, api: API) -> Iterator[API]:
    """Give a client with a key of its own, so that others are left as they are."""
    with client_of(system, "somebody") as client:
        yield client


def test_a_key_is_shown_without_being_told(api: API, system: System) -> None:
    answer = api.get(CURRENT)

    shown = good(answer)
    digest = hashlib.sha256(system.key.encode()).hexdigest()
    assert (shown["key_id"], shown["account"], shown["name"]) == (digest[:16], "admin", "admin-key")
    assert (shown["max_retries"], shown["timeout_s"], shown["scopes"]) == (None, None, ["*"])
    assert digest[:20] not in answer.text


def test_what_is_set_stays_until_it_is_reset(caller: API) -> None:
    both = good(caller.patch(CURRENT, json={"max_retries": 2, "timeout_s": 30}))
    one = good(caller.patch(CURRENT, json={"timeout_s": None}))
    nothing = good(caller.patch(CURRENT, json={}))

    assert (both["max_retries"], both["timeout_s"]) == (2, 30)
    assert (one["max_retries"], one["timeout_s"]) == (2, None)
    assert nothing == one == good(caller.get(CURRENT))


def test_a_key_is_set_for_itself_alone(caller: API, system: System) -> None:
    with client_of(system, "somebody") as same_account:
        caller.patch(CURRENT, json={"max_retries": 0})

        assert good(same_account.get(CURRENT))["max_retries"] is None


def test_a_caller_with_settings_can_work(caller: API, photo: bytes) -> None:
    caller.patch(CURRENT, json={"max_retries": 0, "timeout_s": 3600})

    assert caller.completed(caller.short("flip", photo))["attempts"] == 1


def test_what_cannot_be_set_is_refused_by_name_and_changes_nothing(caller: API) -> None:
    before = good(caller.get(CURRENT))
    wrong = {"max_retries": 21, "timeout_s": 0, "retries": 1}

    told = problem(caller.patch(CURRENT, json=wrong), 422, "invalid_request")

    assert fields_of(told) == set(wrong)
    assert "at most 20" in told["errors"][0]["problem"]
    problem(caller.patch(CURRENT, content=b"no json"), 400, "malformed_body")
    problem(caller.patch(CURRENT, json=[2]), 400, "malformed_body")
    problem(caller.patch(CURRENT, content=b'"' + b"x" * 1_000_001), 413, "too_large")
    problem(caller.patch(CURRENT, params={"key_id": "x"}, json={}), 422, "invalid_request")
    problem(caller.get(CURRENT, params={"key_id": "x"}), 422, "invalid_request")
    problem(caller.delete(CURRENT), 404, "not_found")
    assert good(caller.get(CURRENT)) == before
