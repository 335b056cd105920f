"""API keys: made, shown once, listed, bounded, and refused in one voice."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagemill.contracts.users import FORGET
from imagemill.errors import Unauthenticated
from imagemill.users.keys import digest_of
from tests.users.keyed import ADMIN, ADMIN_KEY, ANNA, BELA, KEYS, Keyed, keyed

MADE = re.compile(r"im_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")


@pytest.fixture
async def users(tmp_path: Path) -> AsyncIterator[Keyed]:
    async with keyed(tmp_path, max_per_account=3) as opened:
        yield opened


def all_bytes(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.iterdir())


async def refused(users: Keyed, key: str) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        await users.admitted(key)
    return refusal.value.message


async def test_a_key_is_shown_once_and_kept_as_a_digest(users: Keyed, tmp_path: Path) -> None:
    made = await users.made()
    shown = (await users.ask("GET", f"{KEYS}/{made['key_id']}")).json()

    assert MADE.fullmatch(made["key"])
    assert made["key"].startswith(made["prefix"] + "_")
    assert (shown["prefix"], shown["scopes"]) == (made["prefix"], ["jobs:*"])
    assert "key" not in shown
    written = await asyncio.to_thread(all_bytes, tmp_path)
    assert made["key"].removeprefix(made["prefix"]).encode() not in written
    kept = await users.execute("SELECT sha256 FROM api_keys WHERE account = 'anna'")
    assert [each["sha256"] for each in kept] == [digest_of(made["key"])]


async def test_a_key_tells_who_calls_and_how_much_they_may(users: Keyed) -> None:
    made = await users.made(
        rate_per_minute=60, burst=5, monthly_jobs=10, stored_bytes=1000, max_retries=1, timeout_s=9
    )
    admitted = await users.admitted(made["key"])

    identity = admitted.identity
    assert (admitted.rate_per_minute, admitted.burst) == (60, 5)
    assert (identity.account, identity.key_id) == ("anna", made["key_id"])
    assert identity.scopes == {"jobs:read", "jobs:write"}
    assert (identity.monthly_jobs, identity.stored_bytes) == (10, 1000)
    assert (identity.max_retries, identity.timeout_s) == (1, 9.0)


async def test_keys_are_listed_the_newest_first_page_after_page(users: Keyed) -> None:
    made = [(await users.made(name=f"key {n}"))["name"] for n in range(3)]
    first = (await users.ask("GET", f"{KEYS}?limit=2")).json()
    second = (await users.ask("GET", f"{KEYS}?limit=2&cursor={first['next']}")).json()

    assert [each["name"] for each in first["keys"] + second["keys"]] == made[::-1]
    assert second["next"] is None


async def test_an_account_has_so_many_keys_and_a_revoked_one_makes_room(users: Keyed) -> None:
    made = [await users.made() for _ in range(3)]
    fourth = await users.ask("POST", KEYS, json={"name": "x", "scopes": ["jobs:*"]})
    await users.ask("DELETE", f"{KEYS}/{made[0]['key_id']}")

    assert (fourth.status_code, fourth.json()["code"]) == (409, "too_many")
    assert fourth.json()["limit"] == {"max_keys": 3}
    assert (await users.made())["key_id"]


async def test_a_key_with_one_other_character_opens_nothing(users: Keyed) -> None:
    key = (await users.made())["key"]
    others = [key[:at] + ("A" if key[at] != "A" else "B") + key[at + 1 :] for at in range(len(key))]

    for other in (*others, key[:-1], key + "A", key.upper(), f" {key}"):
        await refused(users, other)
    assert (await users.admitted(key)).identity.account == "anna"


async def test_keys_that_open_nothing_are_refused_in_the_same_words(users: Keyed) -> None:
    revoked, expired, orphan = [await users.made() for _ in range(3)]
    await users.ask("DELETE", f"{KEYS}/{revoked['key_id']}")
    past = "UPDATE api_keys SET expires_at = 1 WHERE id = :id"
    await users.execute(past, id=expired["key_id"])
    await users.execute("UPDATE api_keys SET account = 'bela' WHERE id = :id", id=orphan["key_id"])
    await users.execute("DELETE FROM api_keys WHERE account = 'bela'")
    await users.execute("DELETE FROM accounts WHERE id = 'bela'")

    keys = [revoked["key"], expired["key"], orphan["key"], "im_unknown", "", "\u00e9", "' OR 1=1"]
    assert len({await refused(users, key) for key in keys}) == 1


async def test_a_key_of_a_disabled_account_opens_nothing_until_it_is_enabled(users: Keyed) -> None:
    key = (await users.made())["key"]
    await users.execute("UPDATE accounts SET disabled_at = 1 WHERE id = 'anna'")
    disabled = await refused(users, key)
    await users.execute("UPDATE accounts SET disabled_at = NULL")

    assert disabled == await refused(users, "im_unknown")
    assert (await users.admitted(key)).identity.account == "anna"


async def test_a_revoked_key_is_still_shown_but_not_listed(users: Keyed) -> None:
    made = await users.made()
    revoked = await users.ask("DELETE", f"{KEYS}/{made['key_id']}")
    again = await users.ask("DELETE", f"{KEYS}/{made['key_id']}")

    assert (revoked.status_code, again.status_code) == (204, 204)
    assert revoked.headers[FORGET] == digest_of(made["key"])
    assert (await users.ask("GET", KEYS)).json()["keys"] == []
    assert (await users.ask("GET", f"{KEYS}/{made['key_id']}")).json()["revoked_at"]
    changed = await users.ask("PATCH", f"{KEYS}/{made['key_id']}", json={"burst": 1})
    assert (changed.status_code, changed.json()["code"]) == (409, "conflict")


async def test_a_foreign_key_answers_like_one_that_never_was(users: Keyed) -> None:
    made = await users.made()
    for method, path, json in (
        ("GET", "", None),
        ("PATCH", "", {"name": "mine"}),
        ("DELETE", "", None),
        ("POST", "/rotate", {}),
    ):
        foreign = await users.ask(method, f"{KEYS}/{made['key_id']}{path}", BELA, json)
        unknown = await users.ask(method, f"{KEYS}/0000000000000000{path}", BELA, json)

        assert foreign.status_code == unknown.status_code == 404
        assert foreign.json()["detail"] == unknown.json()["detail"]
    assert (await users.admitted(made["key"])).identity.account == "anna"


async def test_what_is_changed_counts_and_the_rest_stays(users: Keyed) -> None:
    made = await users.made(rate_per_minute=60)
    path = f"{KEYS}/{made['key_id']}"
    change = {"name": "other", "scopes": ["images:read"], "burst": 7, "expires_in_s": 60}
    answer = await users.ask("PATCH", path, json=change)
    reset = await users.ask("PATCH", path, json={"rate_per_minute": None, "expires_at": None})

    shown = answer.json()
    assert (shown["name"], shown["scopes"], shown["rate_per_minute"]) == (
        "other",
        ["images:read"],
        60,
    )
    assert answer.headers[FORGET] == digest_of(made["key"])
    assert (reset.json()["rate_per_minute"], reset.json()["burst"]) == (None, 7)
    assert (shown["expires_at"] is None, reset.json()["expires_at"]) == (False, None)
    assert (await users.admitted(made["key"])).identity.scopes == {"images:read"}


async def test_an_end_is_said_once_and_lies_ahead(users: Keyed) -> None:
    wanted = {"name": "x", "scopes": ["jobs:*"]}
    past = await users.ask("POST", KEYS, json={**wanted, "expires_at": "2020-01-01T00:00:00Z"})
    both = {**wanted, "expires_at": "2030-01-01T00:00:00Z", "expires_in_s": 60}
    twice = await users.ask("POST", KEYS, json=both)

    assert past.json()["errors"][0]["field"] == "expires_at"
    assert twice.json()["errors"][0]["field"] == "expires_in_s"


async def test_a_key_ends_when_it_was_said_to(users: Keyed) -> None:
    moment = "2030-01-01T01:00:00+01:00"
    made = await users.made(expires_at=moment)

    assert made["expires_at"] == "2030-01-01T00:00:00Z"
    assert (await users.admitted(made["key"])).identity.account == "anna"


async def test_an_account_that_is_gone_gets_no_key(users: Keyed) -> None:
    await users.execute("DELETE FROM accounts WHERE id = 'anna'")

    answer = await users.ask("POST", KEYS, json={"name": "x", "scopes": ["jobs:*"]})

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_who_logged_in_shows_no_key(users: Keyed) -> None:
    answer = await users.ask("GET", f"{KEYS}/current")

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_new_secret_opens_and_the_old_one_for_a_while(users: Keyed) -> None:
    made = await users.made()
    path = f"{KEYS}/{made['key_id']}/rotate"
    rotated = await users.ask("POST", path, json={"overlap_s": 60})
    both = [await users.admitted(key) for key in (made["key"], rotated.json()["key"])]
    again = await users.ask("POST", path, json={})

    assert rotated.json()["key"] != made["key"]
    assert rotated.json()["prefix"] != made["prefix"]
    assert {each.identity.key_id for each in both} == {made["key_id"]}
    assert (await users.admitted(again.json()["key"])).identity.key_id == made["key_id"]
    for old in (made["key"], rotated.json()["key"]):
        await refused(users, old)
        assert digest_of(old) in again.headers[FORGET]


async def test_a_key_that_ends_gets_no_secret_that_opens_for_longer(users: Keyed) -> None:
    lasting = await users.made()
    path = f"{KEYS}/{lasting['key_id']}/rotate"
    caller = await users.calling(scopes=["keys:*", "jobs:*"], expires_in_s=60)
    answer = await users.ask("POST", path, caller, {})
    own = await users.ask("POST", f"{KEYS}/{caller.key_id}/rotate", caller, {})

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await users.admitted(lasting["key"])).identity.key_id == lasting["key_id"]
    assert own.status_code == 200


async def test_the_generated_key_is_changed_by_its_file(users: Keyed) -> None:
    answer = await users.ask("POST", f"{KEYS}/{ADMIN.key_id}/rotate", ADMIN, {})
    await users.users.start(ADMIN_KEY)
    same = await users.admitted(ADMIN_KEY)
    await users.users.start("im_of_another_file")

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert same.identity.scopes == {"*"}
    await refused(users, ADMIN_KEY)
    assert (await users.admitted("im_of_another_file")).identity.account == "admin"


async def test_a_key_that_somebody_called_like_the_generated_one_stays(users: Keyed) -> None:
    made = await users.made(name="admin-key")
    await users.users.start("im_of_another_file")

    assert (await users.admitted(made["key"])).identity.account == "anna"


async def test_the_use_of_a_key_is_noted_once_a_minute(users: Keyed) -> None:
    made = await users.made()
    before = (await users.ask("GET", f"{KEYS}/{made['key_id']}")).json()
    await users.admitted(made["key"])
    noted = (await users.ask("GET", f"{KEYS}/{made['key_id']}")).json()
    await users.admitted(made["key"])
    again = (await users.ask("GET", f"{KEYS}/{made['key_id']}")).json()
    await users.execute("UPDATE api_keys SET last_used_at = :at", at=time.time() - 61)
    await users.admitted(made["key"])
    later = (await users.ask("GET", f"{KEYS}/{made['key_id']}")).json()

    assert before["last_used_at"] is None
    assert noted["last_used_at"] == again["last_used_at"] is not None
    assert later["last_used_at"] > noted["last_used_at"]


async def test_a_key_that_is_asked_for_again_is_made_once_and_told_once(users: Keyed) -> None:
    headers = {"Idempotency-Key": "k"}
    wanted = {"name": "x", "scopes": ["jobs:*"]}
    first = await users.ask("POST", KEYS, json=wanted, headers=headers)
    again = await users.ask("POST", KEYS, json=wanted, headers=headers)
    other = await users.ask("POST", KEYS, json={**wanted, "name": "y"}, headers=headers)

    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert (again.json()["key_id"], again.json()["key"]) == (first.json()["key_id"], None)
    assert other.json()["code"] == "idempotency_key_reused"
    assert len((await users.ask("GET", KEYS)).json()["keys"]) == 1
    kept = await users.execute("SELECT body FROM idempotency")
    assert first.json()["key"] not in kept[0]["body"]


async def test_a_rotation_that_is_asked_for_again_is_done_once(users: Keyed) -> None:
    path = f"{KEYS}/{(await users.made())['key_id']}/rotate"
    first = await users.ask("POST", path, json={}, headers={"Idempotency-Key": "k"})
    again = await users.ask("POST", path, json={}, headers={"Idempotency-Key": "k"})

    assert (again.status_code, again.json()["key"]) == (200, None)
    assert (await users.admitted(first.json()["key"])).identity.account == "anna"


async def test_an_answer_with_a_secret_is_kept_by_nobody(users: Keyed) -> None:
    answer = await users.ask("POST", KEYS, ANNA, {"name": "x", "scopes": ["jobs:*"]})

    assert answer.headers["cache-control"] == "no-store"
