"""People are told by the channels that they chose: of what they own, once, when they want."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagemill.contracts.users import Contact, QuietHours
from imagemill.notifier.delivery import DeliveryStatus
from imagemill.notifier.events import Event
from imagemill.notifier.people import targets_of
from tests.notifier.office import ADA, Office, office

ALL = frozenset({"mail", "sms", "push"})
NOON = 1_768_478_400.0
"""2026-01-15 12:00 UTC."""


def event(type_: str, at: float = NOON, batch_id: str = "") -> Event:
    about = {"job_id": "job-1", **({"batch_id": batch_id} if batch_id else {})}
    return Event("evt_jobs_1", type_, at, "A", about)


def wanted(contact: Contact, type_: str, *, batch_id: str = "") -> list[tuple[str, str]]:
    found = targets_of(event(type_, batch_id=batch_id), contact, ALL, NOON)
    return [(each.channel, each.name) for each in found]


def changed(**fields: object) -> Contact:
    return ADA.model_copy(update=fields)


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path, *ALL) as ready:
        yield ready


def test_somebody_is_told_by_the_channels_that_they_chose_for_the_event() -> None:
    assert wanted(ADA, "job.completed") == [("mail", "ada@example.org")]


def test_every_device_is_told() -> None:
    assert wanted(ADA, "batch.completed") == [
        ("mail", "ada@example.org"),
        ("sms", "+491701234567"),
        ("push", "phone"),
        ("push", "tablet"),
    ]


def test_what_somebody_did_not_choose_is_not_told() -> None:
    assert wanted(ADA, "job.failed") == []


def test_who_has_no_confirmed_address_is_told_nothing() -> None:
    without = changed(email=None, telephone=None, push=())

    assert wanted(without, "batch.completed") == []


def test_a_channel_that_is_not_configured_or_not_known_is_left_out() -> None:
    contact = changed(channels={"job.completed": ("mail", "fax", "sms", "mail")})

    found = targets_of(event("job.completed"), contact, frozenset({"sms", "fax"}), NOON)

    assert [(each.channel, each.name) for each in found] == [("sms", "+491701234567")]


@pytest.mark.parametrize(
    ("digest", "batch_id", "told"), [(True, "b", 0), (False, "b", 1), (True, "", 1)]
)
def test_the_jobs_of_a_batch_are_not_told_one_by_one_to_who_wants_a_digest(
    batch_id: str, told: int, *, digest: bool
) -> None:
    contact = changed(digest=digest)

    assert len(wanted(contact, "job.completed", batch_id=batch_id)) == told


def test_the_end_of_a_batch_is_told_to_who_wants_a_digest() -> None:
    assert len(wanted(ADA, "batch.completed", batch_id="b")) == 4


def test_what_happens_in_quiet_hours_is_owed_for_their_end() -> None:
    contact = changed(quiet=QuietHours(start="11:00", end="13:30"))

    [target] = targets_of(event("job.completed"), contact, ALL, NOON)

    assert target.due_at == NOON + 5400


def test_what_happened_before_quiet_hours_and_is_heard_in_them_waits_too() -> None:
    contact = changed(quiet=QuietHours(start="11:00", end="13:30"))

    [target] = targets_of(event("job.completed", at=NOON - 7200), contact, ALL, NOON)

    assert target.due_at == NOON + 5400


def test_outside_of_quiet_hours_it_is_told_at_once() -> None:
    contact = changed(quiet=QuietHours(start="22:00", end="07:00"))

    [target] = targets_of(event("job.completed"), contact, ALL, NOON)

    assert target.due_at is None


async def test_a_burst_of_events_asks_once_for_each_owner(opened: Office) -> None:
    await opened.told.hear(*(event("job.completed") for _ in range(100)))

    assert opened.directory.asked == ["A"]


async def test_a_change_of_preferences_counts_after_a_few_seconds(opened: Office) -> None:
    await opened.told.hear(event("job.completed"))
    opened.directory.contacts["A"] = changed(channels={})

    opened.told.clock.now += 5.1
    await opened.notifier.wanted[0].of([event("job.completed")])

    assert opened.directory.asked == ["A", "A"]


async def test_an_account_that_is_gone_is_told_nothing(opened: Office) -> None:
    opened.directory.contacts.clear()

    await opened.told.hear(event("job.completed"))

    assert await opened.told.owed() == []


async def test_while_nobody_knows_who_wants_what_the_log_is_read_on_and_it_is_asked_later(
    opened: Office,
) -> None:
    opened.directory.is_away = True
    await opened.told.hear(event("job.completed"))
    await opened.told.send()
    asked_in_vain = [(each.channel, each.status) for each in await opened.told.owed()]

    opened.directory.is_away = False
    opened.told.clock.now += 6
    await opened.told.send()
    await opened.told.send()

    assert asked_in_vain == [("contacts", DeliveryStatus.OWED)]
    assert [to for to, _ in opened.outbox.sent] == ["ada@example.org"]
    assert [each["status"] for each in (await opened.notifications())["notifications"]] == [
        "delivered"
    ]


async def test_what_is_asked_later_is_told_by_the_preferences_of_then(opened: Office) -> None:
    opened.directory.is_away = True
    await opened.told.hear(event("job.completed", batch_id="b"))
    opened.directory.is_away = False

    await opened.told.send()

    assert opened.outbox.sent == []
    assert [each.channel for each in await opened.told.owed()] == ["contacts"]


async def test_what_is_asked_twice_is_told_once(opened: Office) -> None:
    opened.directory.is_away = True
    await opened.told.hear(event("job.completed"))
    opened.directory.is_away = False
    [owed] = await opened.told.owed()

    for _ in range(2):
        await opened.told.channels["contacts"].deliver(owed)
    await opened.told.send()

    assert len(opened.outbox.sent) == 1


async def test_where_no_channel_is_configured_nobody_is_asked(tmp_path: Path) -> None:
    async with office(tmp_path) as without:
        await without.told.hear(event("job.completed"))

        assert without.directory.asked == []
