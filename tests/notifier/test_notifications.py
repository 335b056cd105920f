"""Everybody reads what they were told, and nobody else's, and may ask for a test."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imagemill.contracts.model import Contract
from imagemill.errors import Conflict, Forbidden, InvalidRequest, RateLimited
from imagemill.notifier.channels.verdicts import Verdict
from imagemill.notifier.events import Event
from tests.notifier.office import ADA, Office, office
from tests.peers.engines import plan_of


class Wish(Contract):
    """The body of a request for a test."""

    channel: str = "mail"


class OddWish(Wish):
    """One with a field too much."""

    to: str = "eve@example.org"


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path, "mail", "push") as ready:
        yield ready


def event(number: int, owner: str = "A") -> Event:
    return Event(f"evt_jobs_{number}", "job.completed", 1000.0, owner, {"job_id": f"job-{number}"})


async def ask_for_test(opened: Office, wish: Contract, account: str = "A") -> dict[str, object]:
    reply = await opened.client(account).call("POST", "/api/v1/notifications/test", wish)
    assert reply.status == 202
    return dict(json.loads(reply.body))


async def test_what_was_told_is_listed_with_how_it_ended(opened: Office) -> None:
    await opened.told.hear(event(1))
    waiting = (await opened.notifications())["notifications"]

    await opened.told.send()

    [told] = (await opened.notifications())["notifications"]
    now = datetime.fromtimestamp(opened.told.clock.now, UTC).isoformat().replace("+00:00", "Z")
    assert [each["status"] for each in waiting] == ["owed"]
    assert waiting[0]["due_at"] is not None
    assert told == {
        "id": told["id"],
        "event_id": "evt_jobs_1",
        "type": "job.completed",
        "channel": "mail",
        "to": "ada@example.org",
        "status": "delivered",
        "tries": 1,
        "reason": None,
        "created_at": now,
        "due_at": None,
        "ended_at": now,
    }


async def test_the_list_has_pages_with_the_newest_first(opened: Office) -> None:
    for number in range(1, 6):
        await opened.told.hear(event(number))
        opened.told.clock.now += 1

    first = await opened.notifications("?limit=3")
    second = await opened.notifications(f"?limit=3&cursor={first['next']}")

    ids = [each["event_id"] for page in (first, second) for each in page["notifications"]]
    assert ids == [f"evt_jobs_{number}" for number in (5, 4, 3, 2, 1)]
    assert second["next"] is None


async def test_nobody_reads_what_others_were_told(opened: Office) -> None:
    await opened.told.hear(event(1))

    assert (await opened.notifications(account="B"))["notifications"] == []


@pytest.mark.parametrize("query", ["?limit=0", "?limit=101", "?cursor=x", "?owner=A"])
async def test_a_query_that_cannot_be_meant_is_refused(opened: Office, query: str) -> None:
    with pytest.raises(InvalidRequest):
        await opened.notifications(query)


async def test_reading_and_testing_need_their_scopes(opened: Office) -> None:
    with pytest.raises(Forbidden):
        await opened.client("A", "jobs:*").call("GET", "/api/v1/notifications")
    with pytest.raises(Forbidden):
        await opened.client("A", "account:read").call("POST", "/api/v1/notifications/test", Wish())


async def test_a_test_is_sent_to_each_address_of_the_channel(opened: Office) -> None:
    asked = await ask_for_test(opened, Wish(channel="push"))

    await opened.told.send()

    assert isinstance(asked["notifications"], list)
    assert {each["to"] for each in asked["notifications"]} == {"phone", "tablet"}
    assert {to for to, _ in opened.outbox.sent} == {"phone", "tablet"}
    assert opened.outbox.sent[0][1].title == "Imagemill can reach you here"


async def test_a_test_that_cannot_be_sent_for_an_hour_is_given_up(opened: Office) -> None:
    await ask_for_test(opened, Wish())

    opened.told.clock.now += 3601
    await opened.told.send()

    [told] = (await opened.notifications())["notifications"]
    assert opened.outbox.sent == []
    assert (told["status"], told["reason"]) == ("failed", "What it is about is over.")


async def test_what_became_of_a_test_is_listed(opened: Office) -> None:
    opened.outbox.verdicts = [Verdict("The mail server answered 550.", is_final=True)]
    await ask_for_test(opened, Wish())

    await opened.told.send()

    [told] = (await opened.notifications())["notifications"]
    assert (told["type"], told["status"]) == ("test", "failed")
    assert told["reason"] == "The mail server answered 550."


async def test_more_tests_than_allowed_in_an_hour_are_refused_with_when_to_come_again(
    opened: Office,
) -> None:
    await ask_for_test(opened, Wish())
    opened.told.clock.now += 600
    await ask_for_test(opened, Wish())

    with pytest.raises(RateLimited) as refused:
        await ask_for_test(opened, Wish())
    opened.told.clock.now += 3001
    await ask_for_test(opened, Wish())

    assert refused.value.retry_after_s == 3000
    assert refused.value.limit == {"tests_per_hour": 2}


async def test_the_tests_of_others_do_not_count(opened: Office) -> None:
    opened.directory.contacts["B"] = ADA.model_copy(update={"account": "B"})
    await ask_for_test(opened, Wish())
    await ask_for_test(opened, Wish())

    await ask_for_test(opened, Wish(), account="B")

    assert (await opened.notifications(account="B"))["notifications"] != []


@pytest.mark.parametrize("wish", [Wish(channel="fax"), OddWish()])
async def test_a_wish_that_cannot_be_meant_is_refused(opened: Office, wish: Wish) -> None:
    with pytest.raises(InvalidRequest):
        await ask_for_test(opened, wish)


async def test_a_test_by_a_channel_that_nobody_configured_is_refused(opened: Office) -> None:
    with pytest.raises(Conflict, match="no gateway for sms"):
        await ask_for_test(opened, Wish(channel="sms"))


async def test_a_test_to_nowhere_is_refused(opened: Office) -> None:
    opened.directory.contacts["A"] = ADA.model_copy(update={"email": None})

    with pytest.raises(Conflict, match="no address for mail"):
        await ask_for_test(opened, Wish())


async def test_a_process_has_no_address_to_test(opened: Office) -> None:
    with pytest.raises(Forbidden):
        await opened.client("users", "service", "*").call(
            "POST", "/api/v1/notifications/test", Wish()
        )


async def test_the_list_is_read_from_its_index(opened: Office) -> None:
    from imagemill.notifier.records.people import _TOLD  # noqa: PLC0415 - read for its plan only

    parameters = {"owner": "A", "before": 1.0, "before_id": "", "most": 1}

    plan = await opened.told.database.read(lambda each: plan_of(each, _TOLD, parameters))

    assert "deliveries_to_people" in plan
