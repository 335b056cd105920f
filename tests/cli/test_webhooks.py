"""`imagemill webhooks` against a system that runs in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cli.programs import Said, Server, imagemill
from tests.notifier.receiver import Answer, Receiver, receiving

pytestmark = pytest.mark.server


@pytest.fixture
def receiver(server: Server) -> Iterator[Receiver]:
    with receiving(server.receiver_port) as running:
        yield running


def webhooks(server: Server, *arguments: str) -> Said:
    there = ("--server", server.address, "--key", server.key)
    return imagemill("webhooks", *arguments, *there)


def test_a_webhook_is_made_tested_listed_and_removed(server: Server, receiver: Receiver) -> None:
    made = webhooks(server, "add", receiver.url, "-e", "job.dead", "--description", "Ours.")
    id_ = made.out.split()[1].rstrip(":")
    receiver.then(Answer(410))
    failed = webhooks(server, "test", id_)
    disabled = webhooks(server, "list")
    logged = webhooks(server, "deliveries", id_, "--status", "failed")
    removed = webhooks(server, "remove", id_)

    assert made.out.splitlines()[1].startswith("secret whsec_")
    assert (failed.code, "410 Gone" in failed.out) == (1, True)
    assert f"{id_}  disabled  job.dead  {receiver.url}  Ours." in disabled.out
    assert "webhook.ping  failed" in logged.out
    assert removed.out == f"webhook {id_}: removed\n"


def test_webhooks_are_told_to_programs_and_delivered_to_again(
    server: Server, receiver: Receiver
) -> None:
    made = json.loads(webhooks(server, "add", receiver.url, "--json").out)
    id_ = made["webhook_id"]
    tested = webhooks(server, "test", id_, "--json")
    told = json.loads(tested.out)
    again = webhooks(server, "redeliver", id_, told["delivery_id"])
    failed = webhooks(server, "redeliver", id_, "--failed", "--since", "2026-01-01")
    listed = json.loads(webhooks(server, "deliveries", id_, "--json").out)

    assert (tested.code, told["status"]) == (0, "delivered")
    assert again.out == "1 to be delivered again\n"
    assert failed.out == "0 to be delivered again\n"
    assert [each["delivery_id"] for each in listed] == [told["delivery_id"]]
    assert webhooks(server, "remove", id_).code == 0


def test_what_is_not_meant_is_refused(server: Server) -> None:
    neither = webhooks(server, "redeliver", "jobs")
    both = webhooks(server, "redeliver", "jobs", "msg_1", "--since", "2026-01-01")
    status = webhooks(server, "deliveries", "jobs", "--status", "lost")
    address = webhooks(server, "add", "http://10.0.0.1/")

    assert (neither.code, both.code, status.code) == (2, 2, 2)
    assert (address.code, "cannot be used" in address.err) == (1, True)
