"""One's own account: profile, preferences, and its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from imagemill.contracts.scopes import Role
from imagemill.contracts.users import Contact, QuietHours
from imagemill.errors import Forbidden, NotFound, Unauthenticated
from imagemill.users.accounts import KEEPERS
from imagemill.users.origin import COMMAND
from tests.users.service import ADMIN_KEY, EMAIL, PASSWORD, System, running

ME, PREFERENCES = "/api/v1/users/me", "/api/v1/users/me/preferences"


@pytest.fixture
async def token(system: System) -> str:
    """Log somebody in."""
    await system.register()
    return str((await system.tokens())["access_token"])


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[System]:
    """Give a service beside all that keep things of accounts."""
    async with running(tmp_path, peers=KEEPERS) as system:
        yield system


async def test_an_account_is_shown_to_its_owner(system: System, token: str) -> None:
    answer = await system.ask("GET", ME, token=token)

    told = answer.json()
    assert (told["email"], told["role"], told["name"], told["disabled"]) == (
        *(EMAIL, "user", None),
        False,
    )
    assert answer.headers["cache-control"] == "no-store"
    assert "hash" not in answer.text


async def test_the_first_account_has_no_address_until_somebody_sets_it(system: System) -> None:
    told = (await system.ask("GET", ME, token=ADMIN_KEY)).json()

    assert (told["id"], told["email"], told["role"]) == ("admin", None, "admin")


async def test_a_name_is_set_and_taken_away(system: System, token: str) -> None:
    named = await system.ask("PATCH", ME, token=token, json={"name": "Ada"})
    unchanged = await system.ask("PATCH", ME, token=token, json={})
    unnamed = await system.ask("PATCH", ME, token=token, json={"name": None})

    names = [each.json()["name"] for each in (named, unchanged, unnamed)]
    assert names == ["Ada", "Ada", None]


async def test_an_address_changes_at_once_where_no_mail_is_sent(system: System, token: str) -> None:
    body = {"email": "New@Example.com", "password": PASSWORD}

    answer = await system.ask("PATCH", ME, token=token, json=body)

    assert (answer.json()["email"], answer.json()["email_confirmed"]) == ("New@example.com", False)
    assert (await system.log_in("new@example.com")).status_code == 200
    assert (await system.log_in()).status_code == 401


async def test_an_address_changes_by_letter_where_mail_is_sent(mailed: System) -> None:
    await mailed.register()
    await mailed.people.errands.once()
    await confirm(mailed)
    token = (await mailed.tokens())["access_token"]
    body = {"email": "new@example.com", "password": PASSWORD}

    answer = await mailed.ask("PATCH", ME, token=token, json=body)
    await mailed.people.errands.once()

    assert answer.json()["email"] == EMAIL
    assert mailed.ledger.letters[-1].to == "new@example.com"
    await confirm(mailed)
    assert (await mailed.ask("GET", ME, token=token)).json()["email"] == "new@example.com"


async def confirm(system: System) -> None:
    body = {"token": system.ledger.token(), "password": PASSWORD}
    assert (await system.ask("POST", "/api/v1/auth/confirm", json=body)).status_code == 204


async def test_a_letter_to_an_address_that_got_an_account_meanwhile_changes_nothing(
    mailed: System,
) -> None:
    await mailed.register()
    await mailed.people.errands.once()
    await confirm(mailed)
    token = (await mailed.tokens())["access_token"]
    body = {"email": "eve@example.com", "password": PASSWORD}
    await mailed.ask("PATCH", ME, token=token, json=body)
    await mailed.people.errands.once()
    shown = {"token": mailed.ledger.token(), "password": PASSWORD}
    await mailed.register("eve@example.com")

    answer = await mailed.ask("POST", "/api/v1/auth/confirm", json=shown)

    assert answer.status_code == 422
    assert (await mailed.ask("GET", ME, token=token)).json()["email"] == EMAIL


async def test_that_an_address_is_taken_its_owner_alone_learns(mailed: System) -> None:
    for email in (EMAIL, "eve@example.com"):
        await mailed.register(email)
        await mailed.people.errands.once()
        await confirm(mailed)
    token = (await mailed.tokens())["access_token"]
    body = {"email": "eve@example.com", "password": PASSWORD}

    answer = await mailed.ask("PATCH", ME, token=token, json=body)
    await mailed.people.errands.once()

    assert (answer.status_code, answer.json()["email"]) == (200, EMAIL)
    assert mailed.ledger.letters[-1].subject == "You have an account already"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"email": "new@example.com"}, 422, "invalid_request"),
        ({"email": "new@example.com", "password": "wrong"}, 403, "forbidden"),
        ({"email": "new", "password": PASSWORD}, 422, "invalid_request"),
        ({"email": "eve@example.com", "password": PASSWORD}, 409, "conflict"),
        ({"name": "x" * 101}, 422, "invalid_request"),
        ({"role": "admin"}, 422, "invalid_request"),
    ],
)
async def test_what_cannot_be_set_stays(
    system: System, token: str, body: dict[str, str], status: int, code: str
) -> None:
    await system.register("eve@example.com")

    answer = await system.ask("PATCH", ME, token=token, json=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await system.ask("GET", ME, token=token)).json()["email"] == EMAIL


async def test_preferences_are_set_field_by_field_and_reset_by_null(
    system: System, token: str
) -> None:
    wishes: dict[str, Any] = {
        "channels": {"job.failed": ["mail", "sms"], "batch.completed": ["push"]},
        "telephone": "+491701234567",
        "push": ["device-1"],
        "quiet": {"start": "22:00", "end": "07:00", "time_zone": "Europe/Berlin"},
        "digest": False,
    }

    first = await system.ask("PATCH", PREFERENCES, token=token, json=wishes)
    second = await system.ask("PATCH", PREFERENCES, token=token, json={"quiet": None})
    third = await system.ask("GET", PREFERENCES, token=token)

    assert first.json() == wishes
    assert second.json() == third.json() == wishes | {"quiet": None}


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"channels": {"job.started": ["mail"]}}, "channels.job.started.[key]"),
        ({"channels": {"job.failed": ["pigeon"]}}, "channels.job.failed.0"),
        ({"channels": {"job.failed": ["mail", "mail"]}}, "channels.job.failed"),
        ({"telephone": "0170 1234567"}, "telephone"),
        ({"telephone": "+" + "1" * 16}, "telephone"),
        ({"push": ["x"] * 2}, "push"),
        ({"push": [str(each) for each in range(11)]}, "push"),
        ({"push": ["x" * 2001]}, "push.0"),
        ({"quiet": {"start": "24:00", "end": "07:00"}}, "quiet.start"),
        ({"quiet": {"start": "22:00"}}, "quiet.end"),
        ({"quiet": {"start": "1:00", "end": "2:00", "time_zone": "Mars"}}, "quiet.start"),
        ({"quiet": {"start": "01:00", "end": "02:00", "time_zone": "Mars"}}, "quiet.time_zone"),
        (
            {"quiet": {"start": "01:00", "end": "02:00", "time_zone": "../../etc"}},
            "quiet.time_zone",
        ),
        ({"digest": "yes"}, "digest"),
        ({"colour": "red"}, "colour"),
        ({"colour": None}, "colour"),
    ],
)
async def test_preferences_that_are_none_are_refused_by_name(
    system: System, token: str, wish: dict[str, Any], field: str
) -> None:
    answer = await system.ask("PATCH", PREFERENCES, token=token, json=wish)

    assert answer.status_code == 422
    assert field in [each["field"] for each in answer.json()["errors"]]


async def test_the_notifier_learns_how_somebody_is_told(system: System, token: str) -> None:
    account = (await system.who(token)).account
    wishes = {
        "channels": {"job.failed": ["sms"]},
        "telephone": "+491701234567",
        "quiet": {"start": "22:00", "end": "07:00"},
    }
    await system.ask("PATCH", PREFERENCES, token=token, json=wishes)

    contact = await system.asking.contact(account)

    assert contact == Contact(
        account=account,
        email=None,
        telephone="+491701234567",
        channels={"job.failed": ("sms",)},
        quiet=QuietHours(start="22:00", end="07:00"),
    )
    with pytest.raises(NotFound):
        await system.asking.contact("nobody")


async def test_a_contact_is_for_processes_alone(system: System, token: str) -> None:
    answer = await system.ask("POST", "/internal/contact", token=token, json={"account": "admin"})

    assert (answer.status_code, answer.json()["code"]) == (403, Forbidden.code)


async def test_a_deleted_account_is_gone_with_its_keys_and_sessions(
    system: System, token: str
) -> None:
    account = (await system.who(token)).account
    await system.give_key(account, "im_of_ada", "*")

    answer = await system.ask("DELETE", ME, token=token, json={"password": PASSWORD})

    assert answer.status_code == 204
    for shown in (token, "im_of_ada"):
        with pytest.raises(Unauthenticated):
            await system.who(shown)
    assert (await system.log_in()).status_code == 401
    for table in ("sessions", "mail_tokens", "familiar_addresses"):
        assert await system.rows(table) == []
    assert (await system.register()).status_code == 202


async def test_every_service_is_told_of_a_deletion_until_it_has_heard(kept: System) -> None:
    await kept.people.accounts.add(EMAIL, PASSWORD, Role.USER, COMMAND)
    token = (await kept.tokens())["access_token"]
    account = (await kept.who(token)).account
    kept.ledger.broken = {"uploads"}
    await kept.ask("DELETE", ME, token=token, json={"password": PASSWORD})

    await kept.people.errands.once()
    heard = set(kept.ledger.departures)
    kept.ledger.broken = set()
    await kept.people.errands.once()
    early = set(kept.ledger.departures)
    kept.clock[0] += 1
    await kept.people.errands.once()
    await kept.people.errands.once()

    assert heard == early == {("jobs", account), ("notifier", account)}
    assert sorted(kept.ledger.departures) == sorted((name, account) for name in KEEPERS)


async def test_a_deletion_needs_the_password(system: System, token: str) -> None:
    answer = await system.ask("DELETE", ME, token=token, json={"password": "wrong"})

    assert answer.status_code == 403
    assert (await system.who(token)).account
    assert "password.refused" in system.ledger.actions


async def test_the_first_account_stays(system: System) -> None:
    answer = await system.ask("DELETE", ME, token=ADMIN_KEY, json={"password": PASSWORD})

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
