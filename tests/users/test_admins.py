"""Everybody's accounts, for admins."""

from __future__ import annotations

import pytest

from imagemill.contracts.scopes import Role
from imagemill.errors import Unauthenticated
from tests.users.service import ADMIN_KEY, EMAIL, PASSWORD, System

ALL = "/api/v1/accounts"


async def made(system: System, email: str = EMAIL, role: str = "user") -> str:
    """Make an account in an admin's name; give its path."""
    body = {"email": email, "password": PASSWORD, "role": role}
    answer = await system.ask("POST", ALL, token=ADMIN_KEY, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"{ALL}/{answer.json()['id']}"
    return answer.headers["location"]


async def test_who_an_admin_made_an_account_for_logs_in(system: System) -> None:
    path = await made(system, role="operator")

    shown = (await system.ask("GET", path, token=ADMIN_KEY)).json()

    assert (shown["email"], shown["email_confirmed"], shown["role"]) == (EMAIL, True, "operator")
    token = (await system.tokens())["access_token"]
    assert (await system.who(token)).scopes == Role.OPERATOR.scopes


async def test_accounts_are_listed_page_after_page(system: System) -> None:
    for name in "abcd":
        system.clock[0] += 1
        await made(system, f"{name}@example.com")

    pages: list[list[str | None]] = []
    cursor: str | None = ""
    while cursor is not None:
        query = f"{ALL}?limit=2&cursor={cursor}"
        told = (await system.ask("GET", query, token=ADMIN_KEY)).json()
        pages.append([each["email"] for each in told["accounts"]])
        cursor = told["next"]

    assert pages == [[None, "a@example.com"], ["b@example.com", "c@example.com"], ["d@example.com"]]


@pytest.mark.parametrize("query", ["cursor=x", "cursor=%C3%A4", "limit=0", "limit=101", "page=2"])
async def test_a_list_that_cannot_be_meant_is_refused(system: System, query: str) -> None:
    answer = await system.ask("GET", f"{ALL}?{query}", token=ADMIN_KEY)

    assert answer.status_code == 422


async def test_a_disabled_account_is_out_and_comes_back(system: System) -> None:
    path = await made(system)
    token = (await system.tokens())["access_token"]

    out = await system.ask("PATCH", path, token=ADMIN_KEY, json={"disabled": True})
    with pytest.raises(Unauthenticated):
        await system.who(token)
    back = await system.ask("PATCH", path, token=ADMIN_KEY, json={"disabled": False})

    assert (out.json()["disabled"], back.json()["disabled"]) == (True, False)
    assert (await system.log_in()).status_code == 200
    assert system.ledger.actions[-3:] == ["account.disabled", "account.enabled", "login.succeeded"]
    assert {each.account for each in system.ledger.audit[-3:-1]} == {"admin"}


async def test_a_role_is_given(system: System) -> None:
    path = await made(system)

    answer = await system.ask("PATCH", path, token=ADMIN_KEY, json={"role": "admin"})

    assert answer.json()["role"] == "admin"
    token = (await system.tokens())["access_token"]
    assert (await system.ask("GET", ALL, token=token)).status_code == 200


@pytest.mark.parametrize("change", [{"role": "user"}, {"disabled": True}])
async def test_the_first_account_stays_a_way_in(system: System, change: dict[str, object]) -> None:
    answer = await system.ask("PATCH", f"{ALL}/admin", token=ADMIN_KEY, json=change)

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"email": EMAIL, "password": PASSWORD}, 409),
        ({"email": EMAIL.upper(), "password": PASSWORD}, 409),
        ({"email": "x@example.com", "password": "short"}, 422),
        ({"email": "x", "password": PASSWORD}, 422),
        ({"email": "x@example.com", "password": PASSWORD, "role": "king"}, 422),
        ({"email": "x@example.com"}, 422),
    ],
)
async def test_an_account_that_cannot_be_made_is_refused(
    system: System, body: dict[str, str], status: int
) -> None:
    await made(system)

    assert (await system.ask("POST", ALL, token=ADMIN_KEY, json=body)).status_code == status


@pytest.mark.parametrize("change", [{"role": "king"}, {"disabled": "yes"}, {"email": "a@b.de"}])
async def test_a_change_that_is_none_is_refused(system: System, change: dict[str, str]) -> None:
    path = await made(system)

    assert (await system.ask("PATCH", path, token=ADMIN_KEY, json=change)).status_code == 422


async def test_an_account_that_is_not_there_is_not_found(system: System) -> None:
    for method in ("GET", "PATCH"):
        body = {"disabled": True}
        answer = await system.ask(method, f"{ALL}/nobody", token=ADMIN_KEY, json=body)

        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("role", ["user", "operator"])
async def test_nobody_else_sees_or_changes_accounts(system: System, role: str) -> None:
    path = await made(system, role=role)
    token = (await system.tokens())["access_token"]

    for method, where in (("GET", ALL), ("POST", ALL), ("GET", path), ("PATCH", path)):
        answer = await system.ask(method, where, token=token)

        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_who_is_no_admin_any_more_cannot_become_one_again(system: System) -> None:
    path = await made(system, role="admin")
    remembered = await system.who((await system.tokens())["access_token"])
    await system.ask("PATCH", path, token=ADMIN_KEY, json={"role": "user"})

    answer = await system.as_identity(remembered, "PATCH", path, json={"role": "admin"})

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await system.ask("GET", path, token=ADMIN_KEY)).json()["role"] == "user"


async def test_a_key_that_a_gateway_remembers_manages_nothing_once_it_is_revoked(
    system: System,
) -> None:
    await system.give_key("admin", "im_of_a_tool", "*")
    remembered = await system.who("im_of_a_tool")
    end = f"/api/v1/api-keys/{remembered.key_id}"
    await system.ask("DELETE", end, token=ADMIN_KEY)

    body = {"email": EMAIL, "password": PASSWORD, "role": "admin"}
    answer = await system.as_identity(remembered, "POST", ALL, json=body)

    assert answer.status_code == 401
    assert len((await system.ask("GET", ALL, token=ADMIN_KEY)).json()["accounts"]) == 1
