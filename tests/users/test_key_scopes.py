"""A key makes no stronger key, and no key does more than its account may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from imagemill.contracts.identity import Identity
from imagemill.contracts.scopes import Role
from imagemill.database import Connection
from imagemill.errors import InvalidRequest, Unauthenticated
from imagemill.users.key import patch_of, request_of
from imagemill.users.key_scopes import check
from tests.users.keyed import ADMIN, ANNA, KEYS, Keyed, keyed


@pytest.fixture
async def users(tmp_path: Path) -> AsyncIterator[Keyed]:
    async with keyed(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("wanted", "maker", "role"),
    [
        ({"jobs:read"}, {"jobs:*"}, Role.USER),
        ({"jobs:*"}, {"jobs:read", "jobs:write"}, Role.USER),
        ({"*"}, {"*"}, Role.USER),
        ({"*"}, Role.USER.scopes, Role.USER),
        ({"operate"}, {"operate"}, Role.OPERATOR),
        ({"administer", "operate"}, {"*"}, Role.ADMIN),
    ],
)
def test_what_the_maker_has_can_be_given(wanted: set[str], maker: set[str], role: Role) -> None:
    check(wanted, maker, role)


@pytest.mark.parametrize(
    ("wanted", "maker", "role", "words"),
    [
        ("jobs:write", {"jobs:read"}, Role.USER, "is more than the caller may do"),
        ("jobs:*", {"jobs:read", "images:*"}, Role.USER, "is more than the caller may do"),
        ("*", {"jobs:*"}, Role.USER, "is more than the caller may do"),
        ("*", Role.USER.scopes, Role.ADMIN, "is more than the caller may do"),
        ("operate", {"*"}, Role.USER, "is beyond the account's role"),
        ("administer", {"*"}, Role.OPERATOR, "is beyond the account's role"),
        ("service", {"*"}, Role.ADMIN, "is no scope that is known"),
        ("operate:*", {"*"}, Role.ADMIN, "is no scope that is known"),
        ("jobs", {"*"}, Role.ADMIN, "is no scope that is known"),
        ("", {"*"}, Role.ADMIN, "is no scope that is known"),
    ],
)
def test_what_cannot_be_given_is_named(
    wanted: str, maker: set[str], role: Role, words: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check(["images:read", wanted], maker | {"images:read"}, role)

    (error,) = refusal.value.errors
    assert error.field == "scopes.1"
    assert error.problem.startswith(words)


async def test_a_key_makes_and_changes_none_that_may_do_more(users: Keyed) -> None:
    strong = await users.made(scopes=["jobs:*", "keys:*"])
    weak = await users.calling(scopes=["jobs:read", "keys:*"])
    own = f"{KEYS}/{weak.key_id}"

    more = await users.ask("POST", KEYS, weak, {"name": "x", "scopes": ["jobs:write"]})
    grown = await users.ask("PATCH", own, weak, {"scopes": ["jobs:*", "keys:*"]})
    assert (more.status_code, grown.status_code) == (422, 422)
    for method, path, json in (
        ("PATCH", "", {"name": "x"}),
        ("POST", "/rotate", {}),
        ("DELETE", "", None),
    ):
        answer = await users.ask(method, f"{KEYS}/{strong['key_id']}{path}", weak, json)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_key_needs_the_scope_to_decide_about_keys(users: Keyed) -> None:
    reader = await users.calling(scopes=["keys:read", "jobs:*"])

    listed = await users.ask("GET", KEYS, reader)
    made = await users.ask("POST", KEYS, reader, {"name": "x", "scopes": ["jobs:read"]})

    assert (listed.status_code, made.status_code) == (200, 403)


@pytest.mark.parametrize(
    "bound", [{"rate_per_minute": 9}, {"burst": 9}, {"monthly_jobs": 9}, {"stored_bytes": 9}]
)
async def test_a_bounded_key_cannot_escape_through_another(
    users: Keyed, bound: dict[str, int]
) -> None:
    caller = await users.calling(scopes=["keys:*", "jobs:*"], **bound)
    name = next(iter(bound))

    made = await users.ask("POST", KEYS, caller, {"name": "x", "scopes": ["jobs:*"]})
    freed = await users.ask("PATCH", f"{KEYS}/{caller.key_id}", caller, {name: None})
    rotated = await users.ask("POST", f"{KEYS}/{caller.key_id}/rotate", caller, {})
    own = await users.ask("PATCH", f"{KEYS}/current", caller, {"max_retries": 1})

    assert [each.status_code for each in (made, freed, rotated)] == [403, 403, 403]
    assert own.status_code == 200


async def test_no_key_outlives_the_one_that_made_it(users: Keyed) -> None:
    caller = await users.calling(scopes=["keys:*", "jobs:*"], expires_in_s=600)
    wanted = {"name": "x", "scopes": ["jobs:*"]}

    silent = await users.ask("POST", KEYS, caller, wanted)
    shorter = await users.ask("POST", KEYS, caller, {**wanted, "expires_in_s": 60})
    longer = await users.ask("POST", KEYS, caller, {**wanted, "expires_in_s": 6000})
    never = await users.ask("POST", KEYS, caller, {**wanted, "expires_at": None})
    own = (await users.ask("GET", f"{KEYS}/{caller.key_id}", caller)).json()

    assert silent.json()["expires_at"] == own["expires_at"]
    assert shorter.json()["expires_at"] < own["expires_at"]
    assert (longer.status_code, never.status_code) == (422, 422)
    assert longer.json()["errors"][0]["field"] == "expires_at"


async def test_a_key_that_was_revoked_meanwhile_decides_about_none(users: Keyed) -> None:
    caller = await users.calling(scopes=["keys:*", "jobs:*"])
    await users.ask("DELETE", f"{KEYS}/{caller.key_id}", ANNA)

    answer = await users.ask("POST", KEYS, caller, {"name": "x", "scopes": ["jobs:*"]})

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_who_logged_out_meanwhile_decides_about_no_key(users: Keyed) -> None:
    made = await users.made()
    asked: list[str] = []

    async def gone(caller: Identity) -> None:
        asked.append(caller.account)
        raise Unauthenticated("The login is over.")

    keys = replace(users.users.keys, present=gone)
    wanted = request_of({"name": "x", "scopes": ["jobs:*"]})
    for refused in (
        keys.make(ANNA, wanted, nothing, nothing),
        keys.change(ANNA, made["key_id"], patch_of({"burst": 1}), nothing),
        keys.rotate(ANNA, made["key_id"], 0, nothing, nothing),
    ):
        with pytest.raises(Unauthenticated):
            await refused

    assert asked == ["anna"] * 3
    assert len((await users.ask("GET", KEYS)).json()["keys"]) == 1


def nothing(_: Connection, __: object) -> None:
    """Write nothing down."""


async def test_a_key_loses_what_its_account_loses(users: Keyed) -> None:
    made = await users.made(ADMIN, scopes=["operate", "jobs:read"])
    before = (await users.admitted(made["key"])).identity
    await users.execute("UPDATE accounts SET role = 'user' WHERE id = 'admin'")

    after = (await users.admitted(made["key"])).identity

    assert before.scopes == {"operate", "jobs:read"}
    assert after.scopes == {"jobs:read"}
