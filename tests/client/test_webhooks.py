"""The client's webhooks, against a real system and a real receiver."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Signature

from imagemill.client import BlockingClient, Client, DeliveryDetails, ProblemError, Terms
from tests.acceptance.system import eventually
from tests.cli.programs import Server, draw
from tests.notifier.receiver import Answer, Receiver, receiving

pytestmark = pytest.mark.server

FLIPPED = {"flipped": [{"op": "flip"}]}


@pytest.fixture
def receiver(server: Server) -> Iterator[Receiver]:
    with receiving(server.receiver_port) as running:
        yield running


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    async with Client(server.address, server.key) as client:
        yield client


@pytest.fixture
def blocking(server: Server) -> Iterator[BlockingClient]:
    with BlockingClient(server.address, server.key) as client:
        yield client


async def test_a_program_is_told_of_a_job_by_a_signed_post(
    client: Client, receiver: Receiver, tmp_path: Path
) -> None:
    made = await client.webhooks.add(receiver.url, ["job.completed"], description="ours")
    image = await client.upload(draw(tmp_path / "a.png", colour="red"))
    accepted = await client.submit(image.image_id, FLIPPED)
    await client.wait(accepted.job_id)

    eventually(lambda: receiver.got)

    (got,) = receiver.got
    told = Signature(made.secret).verify(got.body, dict(got.headers))
    assert (told["type"], told["data"]["job_id"]) == ("job.completed", accepted.job_id)
    assert told["data"]["outputs"]["flipped"]["url"].startswith("http://")
    assert [each async for each in client.webhooks.list(limit=1)] == [
        await client.webhooks.show(made.webhook_id)
    ]
    await client.webhooks.remove(made.webhook_id)


async def test_a_job_is_told_where_it_asked_and_signed_by_the_accounts_secret(
    client: Client, receiver: Receiver, tmp_path: Path
) -> None:
    secret = (await client.webhooks.rotate_secret()).secret
    image = await client.upload(draw(tmp_path / "b.png", colour="blue"))
    accepted = await client.submit(image.image_id, FLIPPED, terms=Terms(webhook_url=receiver.url))

    eventually(lambda: receiver.got)

    (got,) = receiver.got
    assert Signature(secret).verify(got.body, dict(got.headers))["data"]["job_id"] == (
        accepted.job_id
    )
    listed = [each async for each in client.webhooks.deliveries(limit=1)]
    assert [each.delivery_id for each in listed] == [got.id]


def test_webhooks_are_kept_without_await(blocking: BlockingClient, receiver: Receiver) -> None:
    hooks = blocking.webhooks
    made = hooks.add(receiver.url, description="before", idempotency_key="one")
    same = hooks.add(receiver.url, description="before", idempotency_key="one")
    receiver.answers = lambda _: Answer(410, body=b"gone")

    owed = hooks.test(made.webhook_id)
    tried = eventually(lambda: _tried(hooks.delivery(made.webhook_id, owed.delivery_id)))
    disabled = hooks.show(made.webhook_id)
    enabled = hooks.change(made.webhook_id, description="after", enabled=True)
    receiver.answers = lambda _: Answer()
    again = hooks.redeliver(made.webhook_id, owed.delivery_id)
    eventually(lambda: hooks.delivery(made.webhook_id, owed.delivery_id).status == "delivered")

    assert same == made
    assert (tried.status, tried.attempts[0].answer, tried.payload["type"]) == (
        "failed",
        "gone",
        "webhook.ping",
    )
    assert (disabled.enabled, enabled.enabled, enabled.description) == (False, True, "after")
    assert again.delivery_id == owed.delivery_id
    assert hooks.rotate_secret(made.webhook_id).old_secret_until is not None
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert hooks.redeliver_failed(made.webhook_id, since=tomorrow) == 0
    assert len(list(hooks.deliveries(made.webhook_id, status="delivered"))) == 1
    assert made.webhook_id in {each.webhook_id for each in hooks.list()}
    hooks.remove(made.webhook_id)
    with pytest.raises(ProblemError):
        hooks.show(made.webhook_id)


def _tried(found: DeliveryDetails) -> DeliveryDetails | None:
    return found if found.attempts else None
