"""Letters are kept before the answer, sent once with tries, and their words forgotten after."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagemill.contracts.notifier import Channels, Letter
from imagemill.errors import Conflict, Forbidden, InvalidRequest
from imagemill.notifier.channels.verdicts import Verdict
from imagemill.notifier.delivery import DeliveryStatus
from imagemill.notifier.texts import Said
from tests.notifier.office import Office, office

LETTER = Letter(
    id="reset-1",
    to="ada@example.org",
    subject="A new password",
    text="Follow https://images.example.com/reset?token=hush.",
)


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path, "mail") as ready:
        yield ready


async def bodies(opened: Office) -> list[str]:
    return [row["body"] for row in await opened.told.rows("SELECT body FROM events")]


async def test_a_letter_is_kept_when_it_was_answered_and_sent_as_it_was_written(
    opened: Office,
) -> None:
    await opened.service.send(LETTER)

    assert [each.status for each in await opened.told.owed()] == [DeliveryStatus.OWED]
    await opened.told.send()
    assert opened.outbox.sent == [("ada@example.org", Said(LETTER.subject, LETTER.text))]


async def test_a_letter_with_html_is_sent_with_it(opened: Office) -> None:
    await opened.service.send(LETTER.model_copy(update={"html": "<p>Follow me.</p>"}))

    await opened.told.send()

    assert opened.outbox.sent[0][1].html == "<p>Follow me.</p>"


async def test_a_letter_that_is_handed_over_twice_is_sent_once(opened: Office) -> None:
    await opened.service.send(LETTER)
    await opened.service.send(LETTER)
    await opened.told.send()
    await opened.service.send(LETTER)
    await opened.told.send()

    assert len(opened.outbox.sent) == 1


async def test_a_letter_that_was_not_taken_is_tried_again(opened: Office) -> None:
    opened.outbox.verdicts = [Verdict("The mail server answered 450.", is_final=False)]
    await opened.service.send(LETTER)

    await opened.told.send()
    assert "hush" in (await bodies(opened))[0]
    opened.told.clock.now += 10
    await opened.told.send()

    assert len(opened.outbox.sent) == 1


async def test_what_a_letter_says_is_forgotten_when_it_was_sent(opened: Office) -> None:
    await opened.service.send(LETTER)

    await opened.told.send()

    assert await bodies(opened) == ["{}"]


async def test_what_a_letter_says_is_forgotten_when_it_cannot_be_sent(opened: Office) -> None:
    opened.outbox.verdicts = [Verdict("The mail server answered 550.", is_final=True)]
    await opened.service.send(LETTER)

    await opened.told.send()

    assert await bodies(opened) == ["{}"]


async def test_a_letter_of_yesterday_is_not_sent_any_more(opened: Office) -> None:
    await opened.service.send(LETTER)

    opened.told.clock.now += 86_401
    await opened.told.send()

    assert opened.outbox.sent == []
    assert [each.status for each in await opened.told.owed()] == [DeliveryStatus.FAILED]
    assert await bodies(opened) == ["{}"]


async def test_nobody_reads_letters_in_the_list_of_what_they_were_told(opened: Office) -> None:
    await opened.service.send(LETTER)
    await opened.told.send()

    assert await opened.notifications() == {"notifications": [], "next": None}


@pytest.mark.parametrize("to", ["ada", "ada@example.org,eve@example.org", "a@b.example\r\nBcc: c"])
async def test_a_letter_to_no_address_is_refused(opened: Office, to: str) -> None:
    with pytest.raises(InvalidRequest):
        await opened.service.send(LETTER.model_copy(update={"to": to}))

    assert await opened.told.owed() == []


async def test_a_letter_is_refused_where_no_mail_is_configured(tmp_path: Path) -> None:
    async with office(tmp_path, "sms") as without:
        with pytest.raises(Conflict, match="no gateway for mail"):
            await without.service.send(LETTER)


async def test_only_processes_may_hand_over_letters_and_ask_for_channels(opened: Office) -> None:
    for method, path in (("POST", "/internal/letters"), ("GET", "/internal/channels")):
        with pytest.raises(Forbidden):
            await opened.client("A").call(method, path, LETTER)


async def test_the_channels_that_are_configured_are_told(tmp_path: Path) -> None:
    async with office(tmp_path, "mail", "push") as ready:
        assert await ready.service.channels() == Channels(configured=frozenset({"mail", "push"}))
