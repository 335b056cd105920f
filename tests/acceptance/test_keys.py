"""Keys show and set themselves, open what they may, and are held to what they were given."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.acceptance import pictures
from tests.acceptance.accounts import client_of
from tests.acceptance.api import API, fields_of, good, problem
from tests.acceptance.system import System, eventually

KEYS = "/api/v1/api-keys"
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


def made(api: API, **wanted: object) -> dict[str, Any]:
    """Make a key; gives what is told of it this once."""
    order = {"name": "acceptance", "scopes": ["images:*", "jobs:*"], **wanted}
    answer = api.post(KEYS, json=order)
    assert answer.status_code == 201, answer.text
    key: dict[str, Any] = answer.json()
    return key


@pytest.mark.parametrize("header", ["X-API-Key: {}", "Authorization: Bearer {}"])
def test_a_key_opens_what_its_scopes_say_until_it_is_revoked(
    api: API, system: System, header: str
) -> None:
    key = made(api, scopes=["jobs:read"])
    name, _, value = header.format(key["key"]).partition(": ")
    with API(system) as caller:
        caller.headers = httpx2.Headers({name: value})
        good(caller.get("/api/v1/jobs"))
        problem(caller.post("/api/v1/images", content=b"x"), 403, "forbidden")
        problem(caller.get(KEYS), 403, "forbidden")

        assert api.delete(f"{KEYS}/{key['key_id']}").status_code == 204
        problem(caller.get("/api/v1/jobs"), 401, "unauthenticated")


def test_a_quota_holds_is_shown_and_does_not_bind_others(
    api: API, system: System, photo: bytes
) -> None:
    key = made(api, monthly_jobs=1, stored_bytes=len(photo) + 1)
    with API(system) as caller:
        caller.headers = httpx2.Headers({"x-api-key": key["key"]})
        caller.completed(caller.short("flip", photo))
        refused = caller.short("flop", photo)

    told = problem(refused, 429, "quota_exceeded")
    assert told["limit"] == {"max_monthly_jobs": 1, "of": "key"}
    assert 0 < int(refused.headers["retry-after"]) <= 31 * 86_400
    used = good(api.get("/api/v1/usage", params={"key_id": key["key_id"]}))
    assert (used["total"]["jobs"], used["total"]["completed"]) == (1, 1)
    assert api.short("flop", photo).status_code == 202


def test_a_deletion_is_found_in_the_audit_log_soon(api: API) -> None:
    image_id = good(api.post("/api/v1/images", content=pictures.png(31, 17)))["image_id"]
    api.delete(f"/api/v1/images/{image_id}", params={"force": "1"})

    def entry() -> dict[str, Any] | None:
        found = good(api.get("/api/v1/audit", params={"action": "image.deleted"}))["entries"]
        return next((each for each in found if each["subject"] == image_id), None)

    told = eventually(entry, what="the entry")
    own = good(api.get("/api/v1/users/me/audit"))["entries"]
    assert (told["account"], told["address"]) == ("admin", "127.0.0.1")
    assert told in own
