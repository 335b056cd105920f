"""Who calls is remembered for a moment, and looked up anew when it has changed."""

from __future__ import annotations

import time

import httpx2
import pytest

from imagemill.cache.memory import MemoryCache
from imagemill.contracts.identity import Identity
from imagemill.contracts.scopes import Role
from imagemill.contracts.users import FORGET, Admitted, Credentials, UsersClient
from imagemill.errors import MalformedRequest, NotFound, Unauthenticated
from imagemill.gateway.door import Door, credentials
from imagemill.gateway.service import Gateway
from imagemill.users.records import keys as records
from imagemill.users.service import Users, digest_of
from tests.gateway.front import HEADERS, KEY, SIGNER

KEYS = "/api/v1/api-keys"
CURRENT = f"{KEYS}/current"
WANTED = {"name": "website", "scopes": ["keys:*"]}


async def patched(gateway: Gateway, change: object) -> httpx2.Response:
    transport = httpx2.ASGITransport(gateway)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.patch(
            "/api/v1/api-keys/current", json=change, headers={"x-api-key": KEY}
        )


async def test_a_caller_is_known_by_the_id_and_the_settings_of_the_key(gateway: Gateway) -> None:
    identity = (await gateway.door.admit(HEADERS)).identity

    assert identity == Identity(
        account="admin", scopes=frozenset({"*"}), role=Role.ADMIN, key_id=digest_of(KEY)[:16]
    )


async def test_a_caller_is_remembered(gateway: Gateway, users: Users) -> None:
    known = await gateway.door.admit(HEADERS)
    await users.database.run(lambda each: each.execute("DELETE FROM api_keys"))

    assert await gateway.door.admit(HEADERS) == known
    await gateway.door.forget(HEADERS)
    with pytest.raises(Unauthenticated):
        await gateway.door.admit(HEADERS)


async def test_what_is_set_for_a_key_counts_from_its_next_request(gateway: Gateway) -> None:
    before = await gateway.door.admit(HEADERS)

    answer = await patched(gateway, {"max_retries": 2, "timeout_s": 30})
    after = await gateway.door.admit(HEADERS)

    assert answer.status_code == 200
    assert (before.identity.max_retries, before.identity.timeout_s) == (None, None)
    assert (after.identity.max_retries, after.identity.timeout_s) == (2, 30.0)


async def test_a_key_that_is_gone_cannot_be_set(gateway: Gateway, users: Users) -> None:
    await gateway.door.admit(HEADERS)
    await users.database.run(lambda each: each.execute("DELETE FROM api_keys"))

    answer = await patched(gateway, {"max_retries": 2})

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_process_has_no_key_to_set(users: Users) -> None:
    process = Identity(account="jobs", scopes=frozenset({"service"}))
    transport = httpx2.ASGITransport(users.app())
    headers = {"x-imagemill-identity": SIGNER.sign(process)}

    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/api/v1/api-keys/current", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_key_is_found_for_its_own_account_alone(users: Users) -> None:
    key = await users.database.read(lambda each: records.find(each, digest_of(KEY), time.time()))

    with pytest.raises(NotFound):
        await users.database.read(lambda each: records.key_of(each, "other", key.key_id))


async def asked(
    gateway: Gateway, method: str, path: str, key: str = KEY, json: object = None
) -> httpx2.Response:
    transport = httpx2.ASGITransport(gateway)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.request(method, path, headers={"x-api-key": key}, json=json)


async def test_a_key_that_another_one_revokes_is_refused_at_once(gateway: Gateway) -> None:
    made = (await asked(gateway, "POST", KEYS, json=WANTED)).json()
    known = await asked(gateway, "GET", CURRENT, made["key"])

    revoked = await asked(gateway, "DELETE", f"{KEYS}/{made['key_id']}")
    refused = await asked(gateway, "GET", CURRENT, made["key"])

    assert (known.status_code, revoked.status_code, refused.status_code) == (200, 204, 401)


async def test_both_secrets_of_a_rotated_key_are_looked_up_anew(gateway: Gateway) -> None:
    made = (await asked(gateway, "POST", KEYS, json=WANTED)).json()
    one = f"{KEYS}/{made['key_id']}"
    new = (await asked(gateway, "POST", f"{one}/rotate", json={"overlap_s": 60})).json()
    keys = (made["key"], new["key"])
    before = [(await asked(gateway, "GET", CURRENT, key)).status_code for key in keys]

    await asked(gateway, "DELETE", one)
    after = [(await asked(gateway, "GET", CURRENT, key)).status_code for key in keys]

    assert (before, after) == ([200, 200], [401, 401])


async def test_nobody_outside_is_told_what_is_to_be_forgotten(gateway: Gateway) -> None:
    made = (await asked(gateway, "POST", KEYS, json=WANTED)).json()

    answers = [
        await asked(gateway, "PATCH", f"{KEYS}/{made['key_id']}", json={"burst": 1}),
        await asked(gateway, "DELETE", f"{KEYS}/{made['key_id']}"),
    ]

    assert not [each for each in answers if FORGET in each.headers]


@pytest.mark.parametrize("name", ["api_key", "key", "x-api-key", "access_token"])
async def test_a_key_in_the_address_is_no_key(gateway: Gateway, name: str) -> None:
    transport = httpx2.ASGITransport(gateway)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get(CURRENT, params={name: KEY})

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize(
    "headers",
    [
        {b"x-api-key": b" k "},
        {b"authorization": b"Bearer k"},
        {b"authorization": b"bearer   k "},
        {b"authorization": b"Bearer k", b"x-api-key": b"k"},
        {b"authorization": b"Basic dTpw", b"x-api-key": b"k"},
    ],
)
def test_a_key_is_read_from_either_header(headers: dict[bytes, bytes]) -> None:
    assert credentials(headers).api_key == "k"


@pytest.mark.parametrize(
    "headers",
    [
        {b"authorization": b"Bearer"},
        {b"authorization": b"Bearer "},
        {b"authorization": b"Basic k"},
        {b"authorization": b"k"},
        {b"x-api-key": b" "},
        {b"cookie": b"x-api-key=k"},
    ],
)
def test_nothing_else_is_taken_for_a_key(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(Unauthenticated):
        credentials(headers)


def test_two_keys_are_refused_for_nobody_knows_which_is_meant() -> None:
    with pytest.raises(MalformedRequest):
        credentials({b"authorization": b"Bearer k", b"x-api-key": b"other"})


async def test_what_was_asked_before_a_key_was_revoked_is_not_remembered_after_it(
    gateway: Gateway,
) -> None:
    cache = MemoryCache(time.monotonic)

    class Slow(UsersClient):
        async def identify(self, credentials: Credentials) -> Admitted:
            admitted = await super().identify(credentials)
            await door.forget_all([digest_of(KEY)])
            return admitted

    door = Door(Slow(gateway.door.users.service), cache, remember_s=300)
    await door.admit(HEADERS)

    assert await cache.get(f"identity:{digest_of(KEY)}") is None
