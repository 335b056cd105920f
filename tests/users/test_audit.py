"""The audit log: what is written into it, who may read it, and when it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imagemill.contracts.identity import Identity
from imagemill.contracts.scopes import Role
from imagemill.contracts.users import AuditEntry
from tests.users.keyed import ADMIN, ANNA, BELA, KEYS, Keyed, keyed

AUDIT = "/api/v1/audit"
OWN = "/api/v1/users/me/audit"


@pytest.fixture
async def users(tmp_path: Path) -> AsyncIterator[Keyed]:
    async with keyed(tmp_path) as opened:
        yield opened


def entry(number: int, account: str = "anna", action: str = "image.deleted") -> AuditEntry:
    return AuditEntry(
        id=f"e{number}", at=1_700_000_000.0 + number, account=account, action=action, subject="i"
    )


async def read(users: Keyed, path: str, caller: Identity = ADMIN) -> list[dict[str, Any]]:
    answer = await users.ask("GET", path, caller)
    assert answer.status_code == 200, answer.text
    entries: list[dict[str, Any]] = answer.json()["entries"]
    return entries


async def test_what_is_done_to_keys_is_written_down_with_who_and_where(users: Keyed) -> None:
    caller = await users.calling(scopes=["keys:*"])
    path = f"{KEYS}/{caller.key_id}"
    headers = {"x-correlation-id": "r-1"}
    await users.ask("PATCH", path, caller, {"name": "other"}, headers)
    await users.ask("PATCH", f"{KEYS}/current", caller, {"max_retries": 1})
    await users.ask("POST", f"{path}/rotate", caller, {})
    await users.ask("DELETE", path)
    await users.ask("DELETE", path)

    found = await read(users, AUDIT)

    actions = ["created", "changed", "changed", "rotated", "revoked"]
    assert [each["action"] for each in found[::-1]] == [f"key.{each}" for each in actions]
    assert {each["subject"] for each in found} == {caller.key_id}
    assert {each["address"] for each in found} == {"203.0.113.7"}
    assert [each["key_id"] for each in found] == [None, *[caller.key_id] * 3, None]


async def test_what_is_refused_is_not_written_down(users: Keyed) -> None:
    await users.ask("POST", KEYS, ANNA, {"name": "x", "scopes": ["operate"]})
    await users.ask("DELETE", f"{KEYS}/0000000000000000")

    assert await read(users, AUDIT) == []


async def test_an_entry_that_is_handed_over_twice_is_kept_once(users: Keyed) -> None:
    await users.client.keep_audit([entry(1), entry(2)])
    await users.client.keep_audit([entry(2), entry(3)])

    assert [each["id"] for each in await read(users, AUDIT)] == ["e3", "e2", "e1"]


async def test_only_processes_hand_entries_over(users: Keyed) -> None:
    answer = await users.ask("POST", "/internal/audit", ADMIN, {"entries": []})

    assert answer.status_code == 403


@pytest.mark.both_engines
async def test_the_log_is_searched_and_read_page_after_page(users: Keyed) -> None:
    accounts = ["anna", "bela"] * 3
    told = [entry(n, each, f"a.{n % 3}") for n, each in enumerate(accounts)]
    await users.client.keep_audit(told)
    moment = "2023-11-14T22:13:23Z"
    first = (await users.ask("GET", f"{AUDIT}?limit=4", ADMIN)).json()

    rest = await read(users, f"{AUDIT}?limit=4&cursor={first['next']}")
    assert [each["id"] for each in first["entries"] + rest] == ["e5", "e4", "e3", "e2", "e1", "e0"]
    assert [each["id"] for each in await read(users, f"{AUDIT}?account=bela")] == ["e5", "e3", "e1"]
    assert [each["id"] for each in await read(users, f"{AUDIT}?action=a.2")] == ["e5", "e2"]
    assert [each["id"] for each in await read(users, f"{AUDIT}?since={moment}")] == [
        "e5",
        "e4",
        "e3",
    ]
    assert [each["id"] for each in await read(users, f"{AUDIT}?until={moment}")] == [
        "e2",
        "e1",
        "e0",
    ]


async def test_an_account_reads_what_it_did_and_what_strangers_tried_as_it(users: Keyed) -> None:
    stranger = replace_subject(entry(3, "", "login.failed"), "anna")
    await users.client.keep_audit([entry(1), entry(2, "bela"), stranger])

    own = await read(users, OWN, ANNA)

    assert [each["id"] for each in own] == ["e3", "e1"]
    assert [each["id"] for each in await read(users, OWN, BELA)] == ["e2"]


@pytest.mark.parametrize("role", [Role.USER, Role.OPERATOR])
async def test_the_whole_log_is_for_admins(users: Keyed, role: Role) -> None:
    answer = await users.ask("GET", AUDIT, Identity(account="anna", scopes=role.scopes, role=role))

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"{AUDIT}?acount=anna", "acount"),
        (f"{OWN}?account=bela", "account"),
        (f"{AUDIT}?limit=0", "limit"),
        (f"{AUDIT}?since=yesterday", "since"),
        (f"{AUDIT}?cursor=x", "cursor"),
    ],
)
async def test_what_cannot_be_asked_is_named(users: Keyed, path: str, field: str) -> None:
    answer = await users.ask("GET", path, ADMIN)

    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]


async def test_old_entries_and_keys_revoked_long_ago_are_removed(users: Keyed) -> None:
    made = await users.made()
    await users.ask("DELETE", f"{KEYS}/{made['key_id']}")
    audit = users.users.audit
    await users.client.keep_audit([entry(n) for n in range(3)])
    later = replace(audit, clock=lambda: 1_700_000_002.0 + 365 * 86_400)

    await later.sweep_once()
    kept = {each["id"] for each in await read(users, AUDIT)}
    await replace(audit, clock=lambda: 4e9).sweep_once()

    assert "e2" in kept
    assert not {"e0", "e1"} & kept
    assert await read(users, AUDIT) == []
    gone = await users.ask("GET", f"{KEYS}/{made['key_id']}")
    assert gone.status_code == 404


async def test_what_is_old_is_looked_for_every_hour_even_after_a_failure(users: Keyed) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 1:
            await users.execute("ALTER TABLE away RENAME TO audit")
            await users.client.keep_audit([entry(1)])
        elif len(pauses) == 3:
            raise asyncio.CancelledError

    await users.execute("ALTER TABLE audit RENAME TO away")
    with pytest.raises(asyncio.CancelledError):
        await replace(users.users.audit, clock=lambda: 4e9, sleep=pause).sweep()

    assert pauses == [3600.0] * 3
    assert await read(users, AUDIT) == []


def replace_subject(told: AuditEntry, subject: str) -> AuditEntry:
    return told.model_copy(update={"subject": subject})
