"""Logging in, going on, logging out, and who cannot."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from imagemill.contracts.scopes import Role
from imagemill.errors import Unauthenticated
from imagemill.telemetry import about
from imagemill.users.key_scopes import held
from imagemill.users.origin import COMMAND
from imagemill.users.records import accounts as records
from imagemill.users.signing_in import MOST_SESSIONS
from tests.users.service import ADMIN_KEY, EMAIL, PASSWORD, System, refresh, refreshed, running


async def test_who_registered_logs_in_and_is_known_by_the_token(system: System) -> None:
    registered = await system.register()
    tokens = await system.tokens()

    identity = await system.who(tokens["access_token"])

    assert (registered.status_code, registered.json()) == (202, {"confirmation": "none"})
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    assert (identity.role, identity.key_id) == (Role.USER, None)
    assert identity.scopes == Role.USER.scopes
    assert system.ledger.actions == ["account.made", "login.succeeded"]


async def test_registration_is_closed_unless_it_is_opened(tmp_path: Path) -> None:
    async with running(tmp_path, registration="closed") as system:
        answer = await system.register()

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [
        ("ada", PASSWORD, "email"),
        ("ada@nowhere.invalid", PASSWORD, "email"),
        ("ada@example.com\r\nBcc: x@example.com", PASSWORD, "email"),
        ("a" * 300 + "@example.com", PASSWORD, "email"),
        (EMAIL, "too short", "password"),
        (EMAIL, "x" * 257, "password"),
        (EMAIL, EMAIL.upper(), "password"),
    ],
)
async def test_what_is_no_account_is_refused_by_name(
    system: System, email: str, password: str, field: str
) -> None:
    answer = await system.register(email, password)

    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]


async def test_fifty_registrations_of_one_address_make_one_account(tmp_path: Path) -> None:
    spellings = (EMAIL, "Ada@Example.COM", "ADA@example.com", "ada@EXAMPLE.com")
    async with running(tmp_path, attempts_per_address=0, hashing_waiting=100) as system:
        answers = await asyncio.gather(*(system.register(spellings[n % 4]) for n in range(50)))

        found = await system.people.accounts.listed((float("-inf"), ""), 100)

    assert {each.status_code for each in answers} == {202}
    assert len(found) == 2  # With the first account.
    assert system.ledger.actions == ["account.made"]


async def test_an_address_that_is_known_keeps_its_password(system: System) -> None:
    await system.register()

    again = await system.register(password="another password")

    assert again.json() == {"confirmation": "none"}
    assert (await system.log_in(password="another password")).status_code == 401
    assert (await system.log_in()).status_code == 200


async def test_every_reason_for_a_no_has_the_same_words_and_the_same_work(system: System) -> None:
    await system.register()
    await system.register("eve@example.com")
    eve = await system.people.accounts.of_email("eve@example.com")
    assert eve is not None
    await system.people.accounts.disable(eve.id, COMMAND)
    tries = [
        ("nobody@example.com", PASSWORD),
        ("no address at all", PASSWORD),
        (EMAIL, "wrong password"),
        ("eve@example.com", PASSWORD),
        ("eve@example.com", "wrong password"),
    ]

    told, works = [], []
    for email, password in tries:
        before = system.hasher.works
        answer = await system.log_in(email, password)
        told.append((answer.status_code, answer.json()["detail"], set(answer.headers)))
        works.append(system.hasher.works - before)

    assert all(each == told[0] for each in told)
    assert told[0][0] == 401
    assert works == [1] * len(tries)
    assert system.ledger.actions.count("login.failed") == len(tries)
    assert PASSWORD not in repr(system.ledger.audit)


async def test_a_refresh_token_is_good_once(system: System) -> None:
    await system.register()
    first = await system.tokens()
    system.clock[0] += 1

    second = await refreshed(system, first["refresh_token"])

    assert second["refresh_token"] != first["refresh_token"]
    assert (await system.who(second["access_token"])).session


async def test_a_refresh_token_that_comes_twice_ends_the_session(system: System) -> None:
    await system.register()
    first = await system.tokens()
    second = await refreshed(system, first["refresh_token"])

    stolen = await refresh(system, first["refresh_token"])
    after = await refresh(system, second["refresh_token"])

    assert (stolen, after) == (401, 401)
    with pytest.raises(Unauthenticated):
        await system.who(second["access_token"])
    assert system.ledger.audit[-1].action == "token.reused"
    assert system.ledger.audit[-1].account


@pytest.mark.both_engines
async def test_of_two_refreshes_at_once_one_is_answered(system: System) -> None:
    await system.register()
    token = (await system.tokens())["refresh_token"]

    answers = await asyncio.gather(*(refresh(system, token) for _ in range(8)))

    assert sorted(answers) == [200] + [401] * 7


@pytest.mark.parametrize("token", ["", "x", "imr_", f"imr_{'0' * 32}_{'A' * 43}"])
async def test_what_is_no_refresh_token_is_refused(system: System, token: str) -> None:
    answer = await refresh(system, token)

    assert answer == (401 if token else 422)


async def test_a_session_ends_when_it_is_not_refreshed(tmp_path: Path) -> None:
    async with running(tmp_path, refresh_token_s=3600) as system:
        await system.register()
        tokens = await system.tokens()
        system.clock[0] += 3600

        answer = await refresh(system, tokens["refresh_token"])

    assert answer == 401


async def test_a_session_ends_however_often_it_is_refreshed(tmp_path: Path) -> None:
    async with running(tmp_path, refresh_token_s=3600, session_s=7200) as system:
        await system.register()
        tokens = await system.tokens()
        for _ in range(2):
            system.clock[0] += 3000
            tokens = await refreshed(system, tokens["refresh_token"])
        system.clock[0] += 1200

        answer = await refresh(system, tokens["refresh_token"])

    assert answer == 401


@pytest.mark.both_engines
async def test_one_session_too_many_ends_the_oldest(tmp_path: Path) -> None:
    async with running(tmp_path, attempts_per_address=0) as system:
        await system.register()
        first = await system.tokens()
        for _ in range(MOST_SESSIONS):
            system.clock[0] += 1
            last = await system.tokens()

        with pytest.raises(Unauthenticated):
            await system.who(first["access_token"])
        assert (await system.who(last["access_token"])).session


async def test_a_logout_ends_every_token_of_the_session_and_no_other(system: System) -> None:
    await system.register()
    one, other = await system.tokens(), await system.tokens()

    answer = await system.ask("POST", "/api/v1/auth/logout", token=one["access_token"])

    assert answer.status_code == 204
    with pytest.raises(Unauthenticated):
        await system.who(one["access_token"])
    assert await refresh(system, one["refresh_token"]) == 401
    assert (await system.who(other["access_token"])).session


async def test_a_key_cannot_log_out(system: System) -> None:
    answer = await system.ask("POST", "/api/v1/auth/logout", token=ADMIN_KEY)

    assert answer.status_code == 403


async def test_an_identity_that_a_gateway_remembers_is_of_no_use_after_a_logout(
    system: System,
) -> None:
    await system.register()
    token = (await system.tokens())["access_token"]
    remembered = await system.who(token)
    await system.ask("POST", "/api/v1/auth/logout", token=token)

    answer = await system.as_identity(remembered, "GET", "/api/v1/users/me")

    assert answer.status_code == 401


async def test_a_disabled_account_is_out_at_once(system: System) -> None:
    await system.register()
    tokens = await system.tokens()
    account = (await system.who(tokens["access_token"])).account

    await system.people.accounts.disable(account, COMMAND)

    with pytest.raises(Unauthenticated):
        await system.who(tokens["access_token"])
    assert await refresh(system, tokens["refresh_token"]) == 401
    await system.people.accounts.enable(account, COMMAND)
    assert (await system.log_in()).status_code == 200


async def test_a_role_counts_at_the_next_look(system: System) -> None:
    await system.register()
    token = (await system.tokens())["access_token"]
    account = (await system.who(token)).account

    await system.people.accounts.give_role(account, Role.OPERATOR, COMMAND)

    assert (await system.who(token)).scopes == Role.OPERATOR.scopes


@pytest.mark.parametrize(
    "form",
    [
        {"username": EMAIL},
        {"username": EMAIL, "password": PASSWORD, "grant_type": "implicit"},
        {"username": EMAIL, "password": PASSWORD, "scope": "administer"},
        {"username": EMAIL, "password": PASSWORD, "remember": "1"},
        {"username": [EMAIL, "eve@example.com"], "password": PASSWORD},
    ],
)
async def test_a_login_form_that_is_none_is_refused(system: System, form: dict[str, str]) -> None:
    answer = await system.ask("POST", "/api/v1/auth/login", data=form)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("body", [b"%ff=1", b"novalue", "ä=1".encode(), b"&".join([b"a=1"] * 11)])
async def test_a_body_that_is_no_form_is_refused(system: System, body: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}

    answer = await system.ask("POST", "/api/v1/auth/login", content=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_body")


async def test_a_login_takes_no_json(system: System) -> None:
    answer = await system.ask("POST", "/api/v1/auth/login", json={"username": EMAIL})

    assert answer.status_code == 400


async def test_a_form_that_is_too_long_is_refused(system: System) -> None:
    answer = await system.ask("POST", "/api/v1/auth/login", data={"username": "x" * 30_000})

    assert answer.status_code == 413


def test_a_key_may_do_no_more_than_its_account() -> None:
    assert held({"*"}, Role.USER) == Role.USER.scopes
    assert held({"jobs:*", "operate"}, Role.USER) == {"jobs:read", "jobs:write"}
    assert held({"operate"}, Role.OPERATOR) == {"operate"}
    assert held({"nothing"}, Role.ADMIN) == frozenset()


async def test_the_key_of_a_disabled_account_is_refused(system: System) -> None:
    await system.register()
    account = await system.people.accounts.of_email(EMAIL)
    assert account is not None
    await system.give_key(account.id, "im_of_ada", "jobs:* administer")
    assert (await system.who("im_of_ada")).scopes == {"jobs:read", "jobs:write"}

    await system.people.accounts.disable(account.id, COMMAND)

    with pytest.raises(Unauthenticated):
        await system.who("im_of_ada")


@pytest.mark.parametrize("end", ["disabled", "deleted"])
async def test_who_is_shut_out_while_the_password_is_checked_stays_out(
    system: System, end: str
) -> None:
    await system.register()
    account = await system.people.accounts.of_email(EMAIL)
    assert account is not None
    loop, accounts = asyncio.get_running_loop(), system.people.accounts

    async def leave() -> None:
        await accounts.disable(account.id, COMMAND)
        if end == "deleted":
            await system.users.database.run(lambda each: records.remove(each, account.id))

    system.hasher.meanwhile = lambda: asyncio.run_coroutine_threadsafe(leave(), loop).result(10)
    answer = await system.log_in()

    assert answer.status_code == 401
    assert await system.rows("sessions") == []


async def test_a_weak_hash_is_made_anew_at_the_next_login(system: System) -> None:
    await system.register()
    weaker = PasswordHash([Argon2Hasher(1, 16, 1)]).hash(PASSWORD)
    row = {"hash": weaker}
    await system.users.database.run(
        lambda each: each.execute(
            "UPDATE accounts SET password_hash = :hash WHERE email IS NOT NULL", row
        )
    )

    first, second = await system.log_in(), await system.log_in()

    assert (first.status_code, second.status_code) == (200, 200)
    kept = {each["email"]: each["password_hash"] for each in await system.rows("accounts")}
    assert kept[EMAIL] != weaker


async def test_a_token_of_a_session_that_was_never_refreshed_ends_with_it(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, refresh_token_s=3600, access_token_s=3600) as system:
        await system.register()
        token = (await system.tokens())["access_token"]
        system.clock[0] += 3600

        with pytest.raises(Unauthenticated):
            await system.who(token)


async def test_a_caller_whose_account_is_gone_is_refused(system: System) -> None:
    await system.register()
    account = await system.people.accounts.of_email(EMAIL)
    assert account is not None
    await system.give_key(account.id, "im_of_ada", "*")
    remembered = await system.who("im_of_ada")
    await system.users.database.run(lambda each: records.remove(each, account.id))

    answer = await system.as_identity(remembered, "GET", "/api/v1/users/me")

    assert answer.status_code == 401


async def test_what_is_written_down_names_the_request(system: System) -> None:
    with about(request_id="r-1"):
        await system.register()
        tokens = await system.tokens()
        await refreshed(system, tokens["refresh_token"])
        await refresh(system, tokens["refresh_token"])
        await system.log_in(password="wrong")

    told = [(each.action, each.request_id) for each in system.ledger.audit]
    actions = ("account.made", "login.succeeded", "token.reused", "login.failed")
    assert told == [(each, "r-1") for each in actions]
