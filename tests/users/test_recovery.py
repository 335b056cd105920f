"""New passwords, and letters about accounts."""

from __future__ import annotations

import asyncio

import pytest

from imagemill.contracts.users import CHANGED
from imagemill.errors import Unauthenticated
from imagemill.users.mailing import TOKEN_S
from imagemill.users.origin import COMMAND
from tests.users.service import EMAIL, PASSWORD, System, refresh

NEW = "another horse battery"
FORGOT, RESET, CONFIRM = (
    "/api/v1/auth/password/forgot",
    "/api/v1/auth/password/reset",
    "/api/v1/auth/confirm",
)


async def confirmed(system: System, email: str = EMAIL) -> None:
    """Make an account and answer its letter."""
    await system.register(email)
    await system.people.errands.once()
    body = {"token": system.ledger.token(), "password": PASSWORD}
    assert (await system.ask("POST", CONFIRM, json=body)).status_code == 204


async def forgot(system: System, email: str = EMAIL) -> None:
    answer = await system.ask("POST", FORGOT, json={"email": email})
    assert (answer.status_code, answer.content) == (202, b"")
    await system.people.errands.once()


async def reset(system: System, token: str, password: str = NEW) -> int:
    body = {"token": token, "password": password}
    return (await system.ask("POST", RESET, json=body)).status_code


async def test_a_new_password_ends_every_other_session(system: System) -> None:
    await system.register()
    mine, other = await system.tokens(), await system.tokens()
    body = {"old_password": PASSWORD, "new_password": NEW}

    answer = await system.ask(
        "POST", "/api/v1/auth/password", token=mine["access_token"], json=body
    )

    assert answer.status_code == 204
    assert (await system.who(mine["access_token"])).session
    with pytest.raises(Unauthenticated):
        await system.who(other["access_token"])
    assert await refresh(system, other["refresh_token"]) == 401
    assert (await system.log_in()).status_code == 401
    assert (await system.log_in(password=NEW)).status_code == 200


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [("wrong", NEW, 403), (PASSWORD, "short", 422), (PASSWORD, EMAIL, 422), (PASSWORD, "", 422)],
)
async def test_a_password_that_cannot_be_changed_so_stays(
    system: System, old: str, new: str, status: int
) -> None:
    await system.register()
    token = (await system.tokens())["access_token"]
    body = {"old_password": old, "new_password": new}

    answer = await system.ask("POST", "/api/v1/auth/password", token=token, json=body)

    assert answer.status_code == status
    assert (await system.log_in()).status_code == 200


async def test_who_holds_a_token_cannot_guess_the_password_for_ever(system: System) -> None:
    await system.register()
    token = (await system.tokens())["access_token"]
    body = {"old_password": "wrong", "new_password": NEW}

    answers = [
        await system.ask("POST", "/api/v1/auth/password", token=token, json=body) for _ in range(11)
    ]

    assert [each.status_code for each in answers] == [403] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_a_letter_sets_a_new_password_once_and_ends_every_session(mailed: System) -> None:
    await confirmed(mailed)
    tokens = await mailed.tokens()
    await forgot(mailed)
    token = mailed.ledger.token()

    first = await reset(mailed, token)
    second = await reset(mailed, token, "a third password")

    assert (first, second) == (204, 422)
    assert (await mailed.log_in(password=NEW)).status_code == 200
    with pytest.raises(Unauthenticated):
        await mailed.who(tokens["access_token"])
    assert "password.reset" in mailed.ledger.actions


async def test_a_gateway_hears_whose_sessions_a_letter_ended(mailed: System) -> None:
    await confirmed(mailed)
    account = (await mailed.who((await mailed.tokens())["access_token"])).account
    await forgot(mailed)

    body = {"token": mailed.ledger.token(), "password": NEW}
    answer = await mailed.ask("POST", RESET, json=body)

    assert answer.headers[CHANGED] == account


async def test_who_has_no_account_costs_a_disk_as_much_as_who_has_one(mailed: System) -> None:
    await confirmed(mailed)

    await forgot(mailed)
    await forgot(mailed, "nobody@example.com")

    known, unknown = [each for each in mailed.ledger.audit if each.action == "password.forgotten"]
    assert known.subject
    assert (unknown.subject, unknown.account) == ("", "")


async def test_a_link_leads_to_the_public_address_whatever_the_request_called_it(
    mailed: System,
) -> None:
    await confirmed(mailed)

    await mailed.ask(
        "POST",
        FORGOT,
        json={"email": EMAIL},
        headers={"host": "evil.example", "x-forwarded-host": "evil.example"},
    )
    await mailed.people.errands.once()

    letter = mailed.ledger.letters[-1]
    assert f"https://images.example.com{RESET}?token=" in letter.text
    assert letter.html is not None
    assert "evil" not in letter.text + letter.html


async def test_a_letter_is_of_no_use_after_an_hour_or_another_letter(mailed: System) -> None:
    await confirmed(mailed)
    await forgot(mailed)
    first = mailed.ledger.token()
    await forgot(mailed)
    second = mailed.ledger.token()
    mailed.clock[0] += TOKEN_S

    assert [await reset(mailed, first), await reset(mailed, second)] == [422, 422]


async def test_a_letter_that_a_password_changed_after_is_of_no_use(mailed: System) -> None:
    await confirmed(mailed)
    await forgot(mailed)
    token = (await mailed.tokens())["access_token"]
    body = {"old_password": PASSWORD, "new_password": NEW}
    await mailed.ask("POST", "/api/v1/auth/password", token=token, json=body)

    assert await reset(mailed, mailed.ledger.token()) == 422


async def test_a_token_for_one_purpose_is_none_for_another(mailed: System) -> None:
    await mailed.register()
    await mailed.people.errands.once()

    assert await reset(mailed, mailed.ledger.token()) == 422


async def test_a_bad_password_does_not_use_a_letter_up(mailed: System) -> None:
    await confirmed(mailed)
    await forgot(mailed)

    assert await reset(mailed, mailed.ledger.token(), "short") == 422
    assert await reset(mailed, mailed.ledger.token()) == 204


async def test_only_the_digest_of_what_is_sent_is_kept(mailed: System) -> None:
    await confirmed(mailed)
    await forgot(mailed)

    rows = await mailed.rows("mail_tokens")

    assert len(rows) == 1
    assert mailed.ledger.token() not in repr(rows)
    assert await mailed.rows("errands") == []


async def test_nobody_learns_whether_an_address_has_an_account(mailed: System) -> None:
    await confirmed(mailed)

    await forgot(mailed, "nobody@example.com")
    await forgot(mailed, "no address at all")

    assert [each.subject for each in mailed.ledger.letters] == ["Confirm your mail address"]


async def test_who_is_disabled_gets_no_letter(mailed: System) -> None:
    await confirmed(mailed)
    account = await mailed.people.accounts.of_email(EMAIL)
    assert account is not None
    await mailed.people.accounts.disable(account.id, COMMAND)

    await forgot(mailed)

    assert len(mailed.ledger.letters) == 1


async def test_nobody_is_flooded_with_letters(mailed: System) -> None:
    await confirmed(mailed)

    for _ in range(8):
        await forgot(mailed)

    assert len(mailed.ledger.letters) == 5


async def test_without_mail_the_answer_is_the_same_and_an_admin_sets_it(system: System) -> None:
    await system.register()

    await forgot(system)

    assert system.ledger.letters == []
    await system.people.recovery.set(EMAIL, NEW, COMMAND)
    assert (await system.log_in(password=NEW)).status_code == 200


async def test_where_mail_is_sent_nobody_logs_in_before_the_address_is_confirmed(
    mailed: System,
) -> None:
    registered = await mailed.register()
    await mailed.people.errands.once()
    before = await mailed.log_in()
    body = {"token": mailed.ledger.token(), "password": PASSWORD}

    answer = await mailed.ask("POST", CONFIRM, json=body)

    assert registered.json() == {"confirmation": "mail"}
    assert (before.status_code, answer.status_code) == (401, 204)
    assert (await mailed.log_in()).status_code == 200
    account = await mailed.people.accounts.of_email(EMAIL)
    assert account is not None
    assert (await mailed.people.accounts.contact(account.id)).email == EMAIL


async def test_a_letter_does_not_open_an_account_that_a_stranger_made(mailed: System) -> None:
    await mailed.register(password="password of a stranger")
    await mailed.people.errands.once()
    body = {"token": mailed.ledger.token(), "password": PASSWORD}

    guessed = await mailed.ask("POST", CONFIRM, json=body)
    await confirmed(mailed)

    assert guessed.status_code == 422
    assert (await mailed.log_in(password="password of a stranger")).status_code == 401
    assert (await mailed.log_in()).status_code == 200


async def test_who_has_an_account_is_told_so_by_letter_alone(mailed: System) -> None:
    await confirmed(mailed)

    again = await mailed.register(password=NEW)
    await mailed.people.errands.once()

    assert again.json() == {"confirmation": "mail"}
    assert mailed.ledger.letters[-1].subject == "You have an account already"
    assert (await mailed.log_in(password=NEW)).status_code == 401


async def test_a_page_of_a_letter_asks_and_changes_nothing(mailed: System) -> None:
    await confirmed(mailed)
    await forgot(mailed)
    token = mailed.ledger.token()

    page = await mailed.ask("GET", f"{RESET}?token={token}")
    sent = await mailed.ask("POST", RESET, data={"token": token, "password": NEW})

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert f'value="{token}"' in page.text
    assert (sent.status_code, "You can log in now" in sent.text) == (200, True)
    assert (await mailed.log_in(password=NEW)).status_code == 200


@pytest.mark.parametrize("query", ["", "?token=", "?token=%22%3E%3Cscript%3E", "?token=short"])
async def test_a_link_that_is_none_shows_no_page(system: System, query: str) -> None:
    for path in (RESET, CONFIRM):
        answer = await system.ask("GET", f"{path}{query}")

        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_letter_waits_for_the_notifier_for_as_long_as_it_is_of_use(mailed: System) -> None:
    await mailed.register("bob@example.com")
    mailed.ledger.broken = {"notifier"}
    await mailed.register()

    await mailed.people.errands.once()
    waiting = len(await mailed.rows("errands"))
    mailed.clock[0] += TOKEN_S
    await mailed.people.errands.once()

    assert waiting == 2
    assert await mailed.rows("errands") == []


async def test_a_notifier_that_does_not_answer_is_no_reason_to_let_anybody_in(
    mailed: System,
) -> None:
    mailed.ledger.broken = {"notifier"}

    answers = [await mailed.register(), await mailed.ask("POST", FORGOT, json={"email": EMAIL})]

    assert [each.status_code for each in answers] == [503, 503]
    assert await mailed.people.accounts.of_email(EMAIL) is None


async def test_what_is_due_is_told_while_the_service_runs(mailed: System) -> None:
    running = asyncio.create_task(mailed.people.errands.run())
    await asyncio.sleep(0)

    await mailed.register()

    async with asyncio.timeout(4):  # Less than between two looks: the bell rang.
        await mailed.ledger.came.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert mailed.ledger.letters[0].to == EMAIL
