"""`imagemill keys` against a system that runs in a process of its own."""

from __future__ import annotations

import json

import pytest

from tests.cli.programs import Said, Server, imagemill

pytestmark = pytest.mark.server


def keys(server: Server, *arguments: str, key: str = "") -> Said:
    return imagemill("keys", *arguments, "--server", server.address, "--key", key or server.key)


def test_a_key_is_made_listed_rotated_and_revoked(server: Server) -> None:
    made = keys(server, "create", "cli", "--scope", "keys:*", "--expires-in-days", "2")
    old = made.out.strip()
    listed = keys(server, "list", key=old)
    (mine,) = [each for each in listed.out.splitlines() if "  cli  " in each]
    key_id = mine.split()[0]
    new = keys(server, "rotate", key_id, "--overlap", "60").out.strip()
    revoked = keys(server, "revoke", key_id)

    assert old.startswith("im_")
    assert new.startswith("im_")
    assert f"the key {key_id}, cli. It is not shown again." in made.err
    assert old[:11] in mine
    assert revoked.out == f"key {key_id}: revoked\n"
    assert keys(server, "list", key=new).code == 1


def test_keys_are_told_to_programs(server: Server) -> None:
    bounds = ("--rate-per-minute", "9", "--burst", "3", "--monthly-jobs", "7")
    made = json.loads(keys(server, "create", "x", "--scope", "jobs:*", *bounds, "--json").out)
    listed = json.loads(keys(server, "list", "--limit", "1", "--json").out)

    assert (made["rate_per_minute"], made["burst"], made["monthly_jobs"]) == (9, 3, 7)
    assert [each["key_id"] for each in listed] == [made["key_id"]]
    assert "key" not in listed[0]


def test_a_scope_that_is_none_is_named(server: Server) -> None:
    said = keys(server, "create", "x", "--scope", "everything")

    assert said.code == 1
    assert "scopes.0" in said.err
