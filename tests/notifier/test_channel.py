"""What a receiver's answer means, and where nothing is sent."""

from __future__ import annotations

import threading
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from imagemill.egress.addresses import Address
from imagemill.egress.client import Egress
from imagemill.egress.settings import Rules
from imagemill.notifier.channels import Kind, again
from imagemill.notifier.channels.webhook import judged
from imagemill.notifier.settings import NotifierSettings
from imagemill.notifier.webhooks.aftermath import aftermath
from tests.notifier.hooked import Hooked, hooked
from tests.notifier.receiver import Answer, Receiver, receiving
from tests.notifier.told import event


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Kind.DELIVERED),
        (204, Kind.DELIVERED),
        (299, Kind.DELIVERED),
        (301, Kind.AGAIN),
        (400, Kind.AGAIN),
        (404, Kind.AGAIN),
        (410, Kind.NEVER),
        (429, Kind.AGAIN),
        (500, Kind.AGAIN),
    ],
)
def test_a_status_says_whether_it_was_taken(status: int, kind: Kind) -> None:
    outcome = judged(status, {}, "said", 0.0)

    assert (outcome.kind, outcome.status, outcome.answer) == (kind, status, "said")


@pytest.mark.parametrize(("status", "after_s"), [(429, 7.0), (503, 7.0), (500, None), (404, None)])
def test_a_pause_is_taken_from_who_is_asked_too_often(status: int, after_s: float | None) -> None:
    assert judged(status, {"retry-after": "7"}, "", 0.0).after_s == after_s


async def test_a_receiver_that_asks_for_a_pause_gets_it(hooks: Hooked, receiver: Receiver) -> None:
    await hooks.make(receiver.url)
    receiver.then(Answer(429, {"Retry-After": "300"}))
    await hooks.hear(event(1))
    await hooks.send()

    hooks.clock.now += 299
    assert await hooks.send() == 0
    hooks.clock.now += 2
    assert await hooks.send() == 1


async def test_gone_disables_the_webhook_and_gives_up_what_is_owed(
    hooks: Hooked, receiver: Receiver
) -> None:
    made = await hooks.make(receiver.url)
    receiver.then(Answer(500), Answer(410))
    await hooks.hear(event(1))
    await hooks.send()
    await hooks.hear(event(2))
    await hooks.send()

    shown = (await hooks.ask("GET", f"/{made['webhook_id']}")).json()
    assert (shown["enabled"], "410" in shown["disabled_reason"]) == (False, True)
    told = await hooks.deliveries(made["webhook_id"])
    assert {each["status"] for each in told} == {"failed"}
    hooks.clock.now += 1e6
    assert await hooks.send() == 0


async def test_a_redirect_is_not_followed(hooks: Hooked, receiver: Receiver) -> None:
    made = await hooks.make(receiver.url)
    with receiving() as other:
        receiver.then(Answer(307, {"Location": other.url}))
        await hooks.hear(event(1))
        await hooks.send()

        assert other.got == []
    (owed,) = await hooks.deliveries(made["webhook_id"])
    assert (owed["status"], owed["reason"]) == ("owed", "The receiver answered with status 307.")


async def test_nothing_is_sent_where_a_url_is_no_longer_allowed(
    tmp_path: Path, hooks: Hooked, receiver: Receiver
) -> None:
    made = await hooks.make(receiver.url)
    await hooks.hear(event(1))
    async with hooked(tmp_path, receiver.port + 1) as stricter:
        await stricter.send()

    assert receiver.got == []
    (failed,) = await hooks.deliveries(made["webhook_id"])
    assert failed["status"] == "failed"
    assert "cannot be used" in failed["reason"]


async def test_a_receiver_that_is_not_there_is_tried_again(
    tmp_path: Path, receiver: Receiver
) -> None:
    with receiving() as gone:
        port = gone.port
    async with hooked(tmp_path, port) as hooks:
        made = await hooks.make(f"http://127.0.0.1:{port}/")
        await hooks.hear(event(1))
        await hooks.send()

        (owed,) = await hooks.deliveries(made["webhook_id"])
        assert (owed["status"], owed["tries"]) == ("owed", 1)


async def test_a_receiver_that_does_not_answer_in_time_is_tried_again(
    tmp_path: Path, receiver: Receiver
) -> None:
    settings = NotifierSettings(webhook_timeout_s=0.2)
    released = threading.Event()
    receiver.answers = lambda _: Answer() if released.wait(20) else Answer(500)
    async with hooked(tmp_path, receiver.port, settings) as hooks:
        made = await hooks.make(receiver.url)
        await hooks.hear(event(1))
        await hooks.send()
        released.set()

        (owed,) = await hooks.deliveries(made["webhook_id"])
        assert (owed["status"], owed["reason"]) == (
            "owed",
            "The host of the URL took too long to answer.",
        )


async def test_of_a_long_answer_only_the_beginning_is_read(
    hooks: Hooked, receiver: Receiver
) -> None:
    made = await hooks.make(receiver.url)
    receiver.then(Answer(200, body=b"\0\xff" + b"x" * 5_000_000))
    await hooks.hear(event(1))
    await hooks.send()

    (listed,) = await hooks.deliveries(made["webhook_id"])
    path = f"/{made['webhook_id']}/deliveries/{listed['delivery_id']}"
    (attempt,) = (await hooks.ask("GET", path)).json()["attempts"]
    assert listed["status"] == "delivered"
    assert attempt["answer"] == "\ufffd\ufffd" + "x" * 1022


async def test_a_webhook_that_fails_for_days_is_disabled_with_the_reason(
    tmp_path: Path, receiver: Receiver
) -> None:
    settings = NotifierSettings(disable_after_s=86_400)
    receiver.answers = lambda _: Answer(500)
    async with hooked(tmp_path, receiver.port, settings) as hooks:
        made = await hooks.make(receiver.url)
        path = f"/{made['webhook_id']}"
        await hooks.hear(event(1))
        await hooks.send()
        failing = (await hooks.ask("GET", path)).json()
        hooks.clock.now += 86_401
        await hooks.send()

        disabled = (await hooks.ask("GET", path)).json()
        assert (failing["enabled"], failing["failing_since"] is None) == (True, False)
        assert disabled["enabled"] is False
        assert disabled["disabled_reason"] == (
            "No delivery went well for 1 days; the last one: The receiver answered with status 500."
        )


async def test_one_good_answer_ends_the_count_of_days(hooks: Hooked, receiver: Receiver) -> None:
    made = await hooks.make(receiver.url)
    receiver.then(Answer(500))
    await hooks.hear(event(1))
    await hooks.send()
    hooks.clock.now += 6
    await hooks.send()

    shown = (await hooks.ask("GET", f"/{made['webhook_id']}")).json()
    assert shown["failing_since"] is None


async def test_a_url_that_a_job_brings_is_told_and_signed_by_a_secret_of_the_account(
    hooks: Hooked, receiver: Receiver
) -> None:
    told = event(1, webhook_url=receiver.url)
    before = (await hooks.ask("POST", "/jobs/rotate-secret")).json()

    await hooks.hear(told)
    await hooks.send()

    (got,) = receiver.got
    (listed,) = await hooks.deliveries("jobs")
    assert before["secret"].startswith("whsec_")
    assert before["old_secret_until"] is None
    assert (listed["delivery_id"], listed["status"]) == (got.id, "delivered")


async def test_a_url_that_a_job_brings_is_told_even_where_nobody_made_a_secret(
    hooks: Hooked, receiver: Receiver
) -> None:
    await hooks.hear(event(1, webhook_url=receiver.url), event(2, webhook_url=receiver.url))

    await hooks.send()

    assert len(receiver.got) == 2
    rotated = (await hooks.ask("POST", "/jobs/rotate-secret")).json()
    assert rotated["old_secret_until"] is not None


async def test_what_a_job_brought_can_be_delivered_again(hooks: Hooked, receiver: Receiver) -> None:
    await hooks.hear(event(1, webhook_url=receiver.url))
    receiver.then(Answer(410))
    await hooks.send()

    answer = await hooks.ask("POST", "/jobs/redeliver", json={"status": "failed"})
    await hooks.send()

    assert answer.json() == {"redelivered": 1}
    assert len({each.id for each in receiver.got}) == 1
    assert len(receiver.got) == 2
    assert (await hooks.ask("POST", "/jobs/test")).status_code == 404


async def test_what_is_on_its_way_to_a_webhook_that_is_removed_or_disabled_goes_nowhere(
    hooks: Hooked, receiver: Receiver
) -> None:
    removed, disabled = [await hooks.make(receiver.url) for _ in range(2)]
    await hooks.hear(event(1))
    lent = await hooks.notifier.sender()._take()
    await hooks.ask("DELETE", f"/{removed['webhook_id']}")
    await hooks.ask("PATCH", f"/{disabled['webhook_id']}", json={"enabled": False})

    outcomes = [await hooks.channel.deliver(each) for each in lent]

    assert sorted((each.kind, each.reason) for each in outcomes) == [
        (Kind.NEVER, "The webhook is disabled."),
        (Kind.NEVER, "The webhook was removed."),
    ]
    assert receiver.got == []


async def test_how_other_channels_fare_is_nothing_to_webhooks(
    hooks: Hooked, receiver: Receiver
) -> None:
    made = await hooks.make(receiver.url)
    await hooks.hear(event(1))
    (lent,) = await hooks.notifier.sender()._take()
    mail = replace(lent, channel="mail")

    await hooks.database.run(lambda each: aftermath(each, mail, again("No."), 60.0))

    shown = (await hooks.ask("GET", f"/{made['webhook_id']}")).json()
    assert shown["failing_since"] is None


async def test_a_name_that_leads_inside_is_sent_nothing(hooks: Hooked, receiver: Receiver) -> None:
    asked: list[str] = []

    async def inside(name: str) -> list[Address]:
        asked.append(name)
        return [ip_address("127.0.0.1")]

    rules = Rules(ports=frozenset({receiver.port}))
    channel = replace(hooks.channel, egress=Egress(rules, resolver=inside))
    await hooks.hear(event(1, webhook_url=f"http://hooks.example.com:{receiver.port}/"))
    (lent,) = await hooks.notifier.sender()._take()

    outcome = await channel.deliver(lent)

    assert (asked, outcome.kind) == (["hooks.example.com"], Kind.AGAIN)
    assert receiver.got == []
