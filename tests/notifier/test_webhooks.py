"""Webhooks over HTTP: made, seen, changed and removed by their owner, and by nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imagemill.notifier.settings import NotifierSettings
from imagemill.notifier.webhooks.request import LONGEST_URL
from tests.notifier.hooked import Hooked, hooked
from tests.notifier.receiver import Answer, Receiver
from tests.notifier.told import event


async def test_a_webhook_is_made_with_a_secret_that_is_shown_once(
    hooks: Hooked, receiver: Receiver
) -> None:
    answer = await hooks.ask("POST", json={"url": receiver.url, "description": "ours"})

    made = answer.json()
    shown = await hooks.ask("GET", f"/{made['webhook_id']}")
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/webhooks/{made['webhook_id']}"
    assert made.pop("secret").startswith("whsec_")
    assert shown.json() == made
    assert (made["events"], made["enabled"], made["description"]) == (["*"], True, "ours")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "url"),
        ({"url": 1}, "url"),
        ({"url": ""}, "url"),
        ({"url": "x" * (LONGEST_URL + 1)}, "url"),
        ({"url": "http://127.0.0.1/", "events": ["job.started"]}, "events"),
        ({"url": "http://127.0.0.1/", "events": []}, "events"),
        ({"url": "http://127.0.0.1/", "enabled": "yes"}, "enabled"),
        ({"url": "http://127.0.0.1/", "description": "x" * 201}, "description"),
        ({"url": "http://127.0.0.1/", "secret": "mine"}, "secret"),
    ],
)
async def test_what_a_webhook_cannot_be_is_refused_by_name(
    hooks: Hooked, asked: dict[str, Any], field: str
) -> None:
    answer = await hooks.ask("POST", json=asked)

    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://localhost/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "ftp://example.com/",
        "http://example.com:22/",
        "http://user:password@example.com/",
        "not a url",
    ],
)
async def test_a_url_that_nothing_may_be_sent_to_is_refused(hooks: Hooked, url: str) -> None:
    made = await hooks.make("https://example.com/hook")

    answers = [
        await hooks.ask("POST", json={"url": url}),
        await hooks.ask("PATCH", f"/{made['webhook_id']}", json={"url": url}),
    ]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (422, "url_not_allowed")
        assert [each["field"] for each in answer.json()["errors"]] == ["url"]


async def test_an_owner_has_no_more_webhooks_than_the_setting_allows(
    tmp_path: Path, receiver: Receiver
) -> None:
    settings = NotifierSettings(webhooks_per_owner=2)
    async with hooked(tmp_path, receiver.port, settings) as hooks:
        for _ in range(2):
            await hooks.make(receiver.url)

        answer = await hooks.ask("POST", json={"url": receiver.url})

        assert (answer.status_code, answer.json()["code"]) == (409, "too_many")
        assert answer.json()["limit"] == {"webhooks_per_owner": 2}
        await hooks.make(receiver.url, owner="B")


async def test_webhooks_are_listed_page_by_page_the_newest_first(
    hooks: Hooked, receiver: Receiver
) -> None:
    made = []
    for _ in range(5):
        made.append((await hooks.make(receiver.url))["webhook_id"])
        hooks.clock.now += 1

    first = (await hooks.ask("GET", "?limit=3")).json()
    second = (await hooks.ask("GET", f"?limit=3&cursor={first['next']}")).json()

    listed = [each["webhook_id"] for each in first["webhooks"] + second["webhooks"]]
    assert listed == made[::-1]
    assert second["next"] is None


async def test_a_webhook_is_changed_where_the_change_says_so(
    hooks: Hooked, receiver: Receiver
) -> None:
    made = await hooks.make(receiver.url, description="before")
    path = f"/{made['webhook_id']}"

    answer = await hooks.ask("PATCH", path, json={"events": ["job.dead"], "description": "after"})

    assert answer.json() == {
        **{name: value for name, value in made.items() if name != "secret"},
        "events": ["job.dead"],
        "description": "after",
    }
    assert (await hooks.ask("GET", path)).json() == answer.json()


async def test_only_events_that_a_webhook_wants_are_owed_to_it(
    hooks: Hooked, receiver: Receiver
) -> None:
    made = await hooks.make(receiver.url, events=["job.failed", "job.dead"])

    await hooks.hear(event(1), event(2, "job.failed"), event(3, "job.dead"), event(4, owner="B"))

    told = await hooks.deliveries(made["webhook_id"])
    assert {each["event_id"] for each in told} == {"evt_test_2", "evt_test_3"}


async def test_what_happens_while_a_webhook_is_disabled_is_not_told(
    hooks: Hooked, receiver: Receiver
) -> None:
    made = await hooks.make(receiver.url, enabled=False)
    path = f"/{made['webhook_id']}"
    await hooks.hear(event(1))

    await hooks.ask("PATCH", path, json={"enabled": True})
    await hooks.hear(event(2))
    await hooks.send()

    assert [each.told["data"]["job_id"] for each in receiver.got] == ["job-2"]


async def test_disabling_gives_up_what_is_owed_and_enabling_can_have_it_delivered(
    hooks: Hooked, receiver: Receiver
) -> None:
    made = await hooks.make(receiver.url)
    path = f"/{made['webhook_id']}"
    await hooks.hear(event(1))

    await hooks.ask("PATCH", path, json={"enabled": False})
    await hooks.send()
    (given_up,) = await hooks.deliveries(made["webhook_id"])
    refused = await hooks.ask("POST", f"{path}/redeliver", json={"status": "failed"})
    await hooks.ask("PATCH", path, json={"enabled": True})
    again = await hooks.ask("POST", f"{path}/redeliver", json={"status": "failed"})
    await hooks.send()

    assert (given_up["status"], given_up["reason"]) == ("failed", "The webhook was disabled.")
    assert refused.status_code == 409
    assert (again.status_code, again.json()) == (202, {"redelivered": 1})
    assert [each.id for each in receiver.got] == [given_up["delivery_id"]]


async def test_a_new_url_is_told_what_was_owed_to_the_old_one(
    hooks: Hooked, receiver: Receiver
) -> None:
    made = await hooks.make("https://example.com/gone")
    await hooks.hear(event(1))

    await hooks.ask("PATCH", f"/{made['webhook_id']}", json={"url": receiver.url})
    await hooks.send()

    assert len(receiver.got) == 1


async def test_a_webhook_is_removed_with_its_deliveries(hooks: Hooked, receiver: Receiver) -> None:
    made = await hooks.make(receiver.url)
    path = f"/{made['webhook_id']}"
    await hooks.hear(event(1))

    answer = await hooks.ask("DELETE", path)
    await hooks.send()
    await hooks.notifier.sweeper().look()

    assert answer.status_code == 204
    assert receiver.got == []
    assert (await hooks.ask("GET", path)).status_code == 404
    assert await rows(hooks, "deliveries") == await rows(hooks, "events") == 0
    assert await rows(hooks, "secrets") == 0


async def test_a_test_sends_a_ping_whatever_events_are_wanted(
    hooks: Hooked, receiver: Receiver
) -> None:
    made = await hooks.make(receiver.url, events=["job.dead"])

    answer = await hooks.ask("POST", f"/{made['webhook_id']}/test")
    await hooks.send()

    (got,) = receiver.got
    assert answer.status_code == 202
    assert got.id == answer.json()["delivery_id"]
    assert got.told["type"] == "webhook.ping"
    assert got.told["data"] == {"webhook_id": made["webhook_id"]}
    shown = (await hooks.ask("GET", answer.headers["location"][len("/api/v1/webhooks") :])).json()
    assert (shown["status"], shown["attempts"][0]["status"]) == ("delivered", 204)


async def test_a_disabled_webhook_cannot_be_tested(hooks: Hooked, receiver: Receiver) -> None:
    made = await hooks.make(receiver.url, enabled=False)

    answer = await hooks.ask("POST", f"/{made['webhook_id']}/test")

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_deliveries_are_listed_by_status_and_event(hooks: Hooked, receiver: Receiver) -> None:
    made = await hooks.make(receiver.url)
    receiver.answers = lambda got: Answer(500 if b"job-2" in got.body else 200)
    await hooks.hear(event(1), event(2), event(3, "job.failed"))
    await hooks.send()
    id_ = made["webhook_id"]

    assert len(await hooks.deliveries(id_)) == 3
    assert [e["event_id"] for e in await hooks.deliveries(id_, "?status=owed")] == ["evt_test_2"]
    assert [e["event_id"] for e in await hooks.deliveries(id_, "?event=job.failed")] == [
        "evt_test_3"
    ]
    page = (await hooks.ask("GET", f"/{id_}/deliveries?limit=2")).json()
    rest = (await hooks.ask("GET", f"/{id_}/deliveries?limit=2&cursor={page['next']}")).json()
    assert len(page["deliveries"]) + len(rest["deliveries"]) == 3


@pytest.mark.parametrize(
    "query", ["?status=lost", "?limit=0", "?limit=101", "?what=1", "?cursor=x"]
)
async def test_a_list_of_deliveries_that_cannot_be_meant_is_refused(
    hooks: Hooked, receiver: Receiver, query: str
) -> None:
    made = await hooks.make(receiver.url)

    answer = await hooks.ask("GET", f"/{made['webhook_id']}/deliveries{query}")

    assert answer.status_code == 422


async def test_a_delivery_shows_what_was_sent_and_every_try(
    hooks: Hooked, receiver: Receiver
) -> None:
    made = await hooks.make(receiver.url)
    receiver.then(Answer(500, body=b"Oh no."))
    await hooks.hear(event(1))
    await hooks.send()
    hooks.clock.now += 6
    await hooks.send()
    (listed,) = await hooks.deliveries(made["webhook_id"])

    path = f"/{made['webhook_id']}/deliveries/{listed['delivery_id']}"
    shown = (await hooks.ask("GET", path)).json()

    assert shown["payload"] == receiver.got[0].told
    assert [(each["outcome"], each["status"], each["answer"]) for each in shown["attempts"]] == [
        ("again", 500, "Oh no."),
        ("delivered", 204, ""),
    ]


async def test_a_delivery_is_made_again_under_its_own_id(hooks: Hooked, receiver: Receiver) -> None:
    made = await hooks.make(receiver.url)
    await hooks.hear(event(1))
    await hooks.send()
    (listed,) = await hooks.deliveries(made["webhook_id"])

    path = f"/{made['webhook_id']}/deliveries/{listed['delivery_id']}/redeliver"
    answer = await hooks.ask("POST", path)
    await hooks.send()

    assert (answer.status_code, answer.json()["status"]) == (202, "owed")
    assert [each.id for each in receiver.got] == [listed["delivery_id"]] * 2


async def test_a_delivery_that_rests_can_be_made_at_once(hooks: Hooked, receiver: Receiver) -> None:
    made = await hooks.make(receiver.url)
    receiver.then(Answer(500))
    await hooks.hear(event(1))
    await hooks.send()
    (owed,) = await hooks.deliveries(made["webhook_id"])

    await hooks.ask("POST", f"/{made['webhook_id']}/deliveries/{owed['delivery_id']}/redeliver")

    assert await hooks.send() == 1


async def test_all_that_failed_since_a_moment_is_made_again(
    hooks: Hooked, receiver: Receiver
) -> None:
    made = await hooks.make(receiver.url)
    path = f"/{made['webhook_id']}"
    for number in (1, 2):
        await hooks.hear(event(number))
        await hooks.ask("PATCH", path, json={"enabled": False})
        await hooks.ask("PATCH", path, json={"enabled": True})
        hooks.clock.now += 3600
    asked = {"status": "failed", "since": "2001-09-09T02:16:40Z"}

    answer = await hooks.ask("POST", f"{path}/redeliver", json=asked)

    assert answer.json() == {"redelivered": 1}
    (owed,) = await hooks.deliveries(made["webhook_id"], "?status=owed")
    assert owed["event_id"] == "evt_test_2"


@pytest.mark.parametrize(
    "asked", [{}, {"status": "owed"}, {"status": "failed", "since": "2026-01-01T00:00:00"}]
)
async def test_what_cannot_be_delivered_again_is_refused(
    hooks: Hooked, receiver: Receiver, asked: dict[str, Any]
) -> None:
    made = await hooks.make(receiver.url)

    answer = await hooks.ask("POST", f"/{made['webhook_id']}/redeliver", json=asked)

    assert answer.status_code == 422


async def test_somebody_elses_webhook_is_like_none(hooks: Hooked, receiver: Receiver) -> None:
    made = await hooks.make(receiver.url, owner="B")
    await hooks.hear(event(1, owner="B"))
    await hooks.send()
    id_, delivery = made["webhook_id"], receiver.got[0].id
    asked = [
        ("GET", "", None),
        ("PATCH", "", {"description": "mine"}),
        ("DELETE", "", None),
        ("POST", "/test", None),
        ("POST", "/rotate-secret", None),
        ("POST", "/redeliver", {"status": "failed"}),
        ("GET", "/deliveries", None),
        ("GET", f"/deliveries/{delivery}", None),
        ("POST", f"/deliveries/{delivery}/redeliver", None),
    ]

    for method, path, json in asked:
        foreign = await hooks.ask(method, f"/{id_}{path}", json)
        unknown = await hooks.ask(method, f"/no-such-webhook{path}", json)

        assert foreign.status_code == unknown.status_code == 404, path
        assert foreign.json()["detail"] == unknown.json()["detail"]
    assert (await hooks.ask("GET")).json()["webhooks"] == []
    assert (await hooks.ask("GET", f"/{id_}", owner="B")).status_code == 200


async def test_a_delivery_of_another_webhook_is_like_none(
    hooks: Hooked, receiver: Receiver
) -> None:
    made = [await hooks.make(receiver.url) for _ in range(2)]
    await hooks.ask("POST", f"/{made[0]['webhook_id']}/test")
    (owed,) = await hooks.deliveries(made[0]["webhook_id"])

    path = f"/{made[1]['webhook_id']}/deliveries/{owed['delivery_id']}"

    assert (await hooks.ask("GET", path)).status_code == 404
    assert (await hooks.ask("POST", f"{path}/redeliver")).status_code == 404


async def test_what_is_sent_again_under_its_key_is_done_once(
    hooks: Hooked, receiver: Receiver
) -> None:
    key = {"idempotency-key": "once"}
    made = [await hooks.ask("POST", json={"url": receiver.url}, headers=key) for _ in range(2)]
    path = f"/{made[0].json()['webhook_id']}"
    rotated = [
        await hooks.ask("POST", f"{path}/rotate-secret", headers={"idempotency-key": "turn"})
        for _ in range(2)
    ]
    tested = [
        await hooks.ask("POST", f"{path}/test", headers={"idempotency-key": "ping"})
        for _ in range(2)
    ]
    other = await hooks.ask("POST", json={"url": "https://example.com/"}, headers=key)

    for first, second in (made, rotated, tested):
        assert first.json() == second.json()
        assert second.headers["idempotency-replayed"] == "true"
    assert {each.headers["cache-control"] for each in (*made, *rotated)} == {"no-store"}
    assert len((await hooks.ask("GET")).json()["webhooks"]) == 1
    assert await rows(hooks, "deliveries") == 1
    assert other.json()["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("method", "scope", "status"),
    [
        ("GET", "webhooks:read", 200),
        ("POST", "webhooks:read", 403),
        ("POST", "webhooks:write", 201),
        ("GET", "jobs:read", 403),
    ],
)
async def test_webhooks_ask_for_their_own_scopes(
    hooks: Hooked, receiver: Receiver, method: str, scope: str, status: int
) -> None:
    answer = await hooks.ask(method, json={"url": receiver.url}, scopes=frozenset({scope}))

    assert answer.status_code == status


async def test_an_account_is_forgotten_with_all_that_it_was_told(
    hooks: Hooked, receiver: Receiver
) -> None:
    mine = await hooks.make(receiver.url)
    await hooks.make(receiver.url, owner="B")
    await hooks.hear(event(1), event(2, owner="B"))
    await hooks.ask("POST", "/jobs/rotate-secret")

    refused = await hooks.ask("POST", "/internal/accounts/A/delete")
    service = frozenset({"service"})
    answer = await hooks.ask("POST", "/internal/accounts/A/delete", owner="users", scopes=service)

    assert refused.status_code == 403
    assert answer.status_code == 204
    assert (await hooks.ask("GET", f"/{mine['webhook_id']}")).status_code == 404
    assert await rows(hooks, "deliveries") == await rows(hooks, "events") == 1
    assert await rows(hooks, "secrets") == 1
    assert len((await hooks.ask("GET", owner="B")).json()["webhooks"]) == 1


async def rows(hooks: Hooked, table: str) -> int:
    """Count the rows of a table."""
    statement = f"SELECT 1 FROM {table}"  # noqa: S608 - a name of ours
    found = await hooks.database.read(lambda each: each.execute(statement))
    return len(found)


async def test_more_than_fits_into_one_transaction_is_delivered_again(
    hooks: Hooked, receiver: Receiver
) -> None:
    made = await hooks.make(receiver.url)
    path = f"/{made['webhook_id']}"
    hooks.log.page = 2000
    await hooks.hear(*(event(each) for each in range(1, 1102)))
    for enabled in (False, True):
        await hooks.ask("PATCH", path, json={"enabled": enabled})

    answer = await hooks.ask("POST", f"{path}/redeliver", json={"status": "failed"})

    assert answer.json() == {"redelivered": 1101}
