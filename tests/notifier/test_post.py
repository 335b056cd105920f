"""A delivery becomes a message, and what a gateway says of it decides what comes next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from imagemill.contracts.users import QuietHours
from imagemill.notifier.channels.apprise import Gateway, Limits
from imagemill.notifier.channels.verdicts import Verdict
from imagemill.notifier.delivery import DeliveryStatus
from imagemill.notifier.events import Event
from imagemill.notifier.facts import Facts, Failure, Result, facts_of
from tests.notifier.office import ADA, Office, office
from tests.notifier.smtp_peer import silent_peer, smtp_peer

JOB = "faf2aad0-4c2b-4266-bd84-af435d85c138"
URL = f"https://images.example.com/api/v1/jobs/{JOB}/outputs/small"
MADE = {"url": URL, "format": "webp", "width": 400, "height": 300, "size_bytes": 21_504}
VIEW: dict[str, Any] = {
    "job_id": JOB,
    "type": "resize",
    "outputs": {"small": MADE, "waiting": {"url": None, "format": None}},
    "error": None,
}
BATCH = {"batch_id": JOB, "completed": 95, "failed": 3, "cancelled": 2}


def event(type_: str, data: dict[str, Any], number: int = 1) -> Event:
    return Event(f"evt_jobs_{number}", type_, 1000.0, "A", data)


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path, "mail", "sms", "push") as ready:
        yield ready


def test_the_facts_of_a_job_are_those_that_polling_shows() -> None:
    small = Result("small", f"/api/v1/jobs/{JOB}/outputs/small", "webp", 400, 300, 21_504)

    assert facts_of("job.completed", VIEW) == Facts(
        "job.completed", JOB, f"/api/v1/jobs/{JOB}", "resize", results=(small,)
    )


def test_the_facts_of_a_failed_job_have_its_reason() -> None:
    view = {**VIEW, "outputs": {}, "error": {"code": "truncated", "detail": "It ends too early."}}

    assert facts_of("job.failed", view).reason == "It ends too early."


def test_the_facts_of_a_batch_have_its_counts() -> None:
    facts = facts_of("batch.completed", BATCH)

    assert facts.counts == {"completed": 95, "failed": 3, "cancelled": 2}
    assert facts.path == f"/api/v1/batches/{JOB}"


def test_the_facts_of_an_image_have_its_name() -> None:
    facts = facts_of("image.failed", {"image_id": "i", "name": "a.jpg", "error": {"code": "x"}})

    assert facts == Facts("image.failed", "i", "/api/v1/images/i", "a.jpg", "x")


def test_an_image_failed_for_the_code_that_the_log_has() -> None:
    facts = facts_of("image.failed", {"image_id": "i", "status": "failed", "code": "too_large"})

    assert facts.reason == "too_large"


@pytest.mark.parametrize("type_", ["job.completed", "batch.completed", "image.stored"])
def test_of_what_is_gone_only_what_the_log_says_is_told(type_: str) -> None:
    assert facts_of(type_, {}).type == type_


async def test_a_finished_job_is_mailed_with_its_results(opened: Office) -> None:
    await opened.told.hear(event("job.completed", VIEW))

    await opened.told.send()

    [(to, said)] = opened.outbox.sent
    assert to == "ada@example.org"
    assert said.title == "Job faf2aad0 is done"
    assert said.html is not None
    assert f'src="{URL}?signature=abc"' in said.html
    assert f"https://images.example.com/api/v1/jobs/{JOB}<" in said.html


async def test_a_batch_is_told_once_by_each_channel_with_its_first_failures(
    opened: Office,
) -> None:
    opened.failures = tuple(Failure(f"{n}.jpg", "It is no picture.") for n in range(12))

    await opened.told.hear(event("batch.completed", BATCH))
    await opened.told.send()

    said = dict(opened.outbox.sent)
    mail = said["ada@example.org"].html or ""
    assert set(said) == {"ada@example.org", "+491701234567", "phone", "tablet"}
    assert "95 completed, 3 failed, 2 cancelled." in mail
    assert mail.count("<li>") == 10
    assert said["+491701234567"].text.endswith("95 completed, 3 failed, 2 cancelled.")


@pytest.mark.parametrize(
    ("is_final", "status"),
    [(True, DeliveryStatus.FAILED), (False, DeliveryStatus.OWED)],
    ids=["never", "again"],
)
async def test_a_verdict_decides_whether_it_is_tried_again(
    opened: Office, status: DeliveryStatus, *, is_final: bool
) -> None:
    opened.outbox.verdicts = [Verdict("The mail server answered 550.", is_final)]
    await opened.told.hear(event("job.completed", VIEW))

    await opened.told.send()

    [owed] = await opened.told.owed()
    assert (owed.status, owed.tries) == (status, 1)
    assert (await opened.notifications())["notifications"][0]["reason"] == (
        "The mail server answered 550."
    )


async def test_what_was_told_and_what_failed_is_counted_by_channel(opened: Office) -> None:
    opened.outbox.verdicts = [Verdict("No.", is_final=True)]
    await opened.told.hear(event("job.completed", VIEW), event("batch.completed", BATCH, 2))

    await opened.told.send()

    seen = opened.tally.seen()
    assert sum(seen["told"].values()) == 4
    assert sum(seen["failed"].values()) == 1


async def test_a_silent_mail_server_holds_up_no_other_channel(opened: Office) -> None:
    with silent_peer() as url:
        silent = Gateway.opened("mail", url, Limits(at_once=1, timeout_s=0.3))
        opened.connect("mail", silent)
        await opened.told.hear(*(event("batch.completed", BATCH, n) for n in range(2)))

        sending = asyncio.ensure_future(opened.told.send())
        await opened.outbox.sent_so_many(6)
        before_the_mails = [each.status for each in await opened.told.owed()]
        await sending

    silent.close()
    assert before_the_mails.count(DeliveryStatus.OWED) >= 2
    told = (await opened.notifications())["notifications"]
    assert {each["status"] for each in told if each["channel"] != "mail"} == {"delivered"}
    assert {each["reason"] for each in told if each["channel"] == "mail"} == {
        "The gateway did not answer in time."
    }


async def test_a_mail_goes_from_an_event_to_a_real_mail_server(opened: Office) -> None:
    with smtp_peer() as peer:
        gateway = Gateway.opened("mail", peer.url, Limits())
        opened.connect("mail", gateway)
        await opened.told.hear(event("job.completed", {**VIEW, "type": "größe"}))

        await opened.told.send()

        gateway.close()
        [mail] = peer.mails
    assert mail.recipients == ("ada@example.org",)
    assert mail.message["subject"] == "Job faf2aad0 is done"
    assert f"Your job {JOB} (größe) is done." in mail.part("plain")
    assert f"{URL}?signature=abc" in mail.part("plain")
    assert f'<img src="{URL}?signature=abc" width="320" alt="small">' in mail.part("html")
    assert [each.status for each in await opened.told.owed()] == [DeliveryStatus.DELIVERED]


async def test_an_address_that_was_given_up_meanwhile_is_not_told(opened: Office) -> None:
    await opened.told.hear(event("job.completed", VIEW))
    opened.directory.contacts["A"] = ADA.model_copy(update={"email": "new@example.org"})

    opened.told.clock.now += 6
    await opened.told.send()

    [told] = (await opened.notifications())["notifications"]
    assert opened.outbox.sent == []
    assert (told["status"], told["reason"]) == ("failed", "By now it is not wanted here any more.")


async def test_an_account_that_was_deleted_meanwhile_is_not_told(opened: Office) -> None:
    await opened.told.hear(event("job.completed", VIEW))
    opened.directory.contacts.clear()

    opened.told.clock.now += 6
    await opened.told.send()

    assert opened.outbox.sent == []
    assert [each.status for each in await opened.told.owed()] == [DeliveryStatus.FAILED]


async def test_a_try_that_would_be_made_within_quiet_hours_waits_for_their_end(
    opened: Office,
) -> None:
    opened.outbox.verdicts = [Verdict("The mail server answered 450.", is_final=False)]
    await opened.told.hear(event("job.completed", VIEW))
    await opened.told.send()
    quiet = QuietHours(start=_clock_time(opened, -60), end=_clock_time(opened, 3600))
    opened.directory.contacts["A"] = ADA.model_copy(update={"quiet": quiet})

    opened.told.clock.now += 10
    await opened.told.send()
    assert opened.outbox.sent == []
    opened.told.clock.now += 3600
    await opened.told.send()

    assert [to for to, _ in opened.outbox.sent] == ["ada@example.org"]


async def test_while_nobody_knows_whether_it_is_wanted_it_is_not_told(opened: Office) -> None:
    await opened.told.hear(event("job.completed", VIEW))
    opened.directory.is_away = True
    opened.told.clock.now += 6
    await opened.told.send()

    opened.directory.is_away = False
    opened.told.clock.now += 6
    await opened.told.send()

    assert len(opened.outbox.sent) == 1


async def test_more_messages_than_allowed_in_a_day_are_not_sent(opened: Office) -> None:
    for number in range(7):
        await opened.told.hear(event("job.completed", VIEW, number))
        await opened.told.send()
    sent_today = len(opened.outbox.sent)

    opened.told.clock.now += 86_400
    await opened.told.hear(event("job.completed", VIEW, 8))
    await opened.told.send()

    reasons = {each["reason"] for each in (await opened.notifications())["notifications"]}
    assert (sent_today, len(opened.outbox.sent)) == (5, 6)
    assert reasons == {None, "You were told 5 times today by mail."}


def _clock_time(opened: Office, later_s: float) -> str:
    return datetime.fromtimestamp(opened.told.clock.now + later_s, UTC).strftime("%H:%M")
