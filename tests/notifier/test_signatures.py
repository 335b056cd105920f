"""What a receiver can trust: the reference verifiers take our deliveries, and nothing else.

It is row HT063 of the attacks that a trusted system withstands.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from imagemill.notifier.webhook import OVERLAP_S, Secret, headers_of, new_secret
from tests.notifier.hooked import Hooked
from tests.notifier.receiver import Answer, Got, Receiver
from tests.notifier.told import event
from tests.peers.programs import node_modules, program

VERIFIER: Final = Path(__file__).with_name("verify.mjs")


def accepted(secret: str, got: Got) -> bool:
    try:
        Webhook(secret).verify(got.body, dict(got.headers))
    except WebhookVerificationError:
        return False
    return True


def accepted_by_node(pairs: Sequence[tuple[str, Got]]) -> list[str]:
    lines = [
        json.dumps({"secret": secret, "headers": dict(got.headers), "body": got.body.decode()})
        for secret, got in pairs
    ]
    done = subprocess.run(
        [program("node"), VERIFIER, node_modules()],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout.split("\n")[:-1]


@pytest.fixture
async def secret(hooks: Hooked, receiver: Receiver) -> str:
    """Give the secret of a webhook whose time is now, as verifiers look at the clock."""
    hooks.clock.now = time.time()
    made = await hooks.make(receiver.url)
    return str(made["secret"])


async def test_the_reference_verifier_accepts_every_delivery(
    hooks: Hooked, receiver: Receiver, secret: str
) -> None:
    receiver.then(Answer(500), Answer(503))
    await hooks.hear(*(event(each) for each in range(1, 20)))
    await hooks.send()
    hooks.clock.now += 6
    await hooks.send()

    assert len(receiver.got) == 21
    assert all(accepted(secret, each) for each in receiver.got)


@pytest.mark.slow
async def test_the_reference_verifier_for_node_accepts_and_refuses_alike(
    hooks: Hooked, receiver: Receiver, secret: str
) -> None:
    await hooks.hear(event(1))
    await hooks.send()
    (got,) = receiver.got
    tampered = Got(got.path, got.headers, got.body.replace(b"job-1", b"job-2"))

    said = accepted_by_node([(secret, got), (secret, tampered), (new_secret(), got)])

    assert said[0] == "accepted"
    assert all(each.startswith("refused") for each in said[1:])


async def test_a_body_that_was_changed_is_refused(
    hooks: Hooked, receiver: Receiver, secret: str
) -> None:
    await hooks.hear(event(1))
    await hooks.send()
    (got,) = receiver.got
    written_anew = json.dumps(json.loads(got.body), indent=1).encode()

    assert accepted(secret, got)
    assert not accepted(secret, Got(got.path, got.headers, got.body.replace(b"job-1", b"job-2")))
    assert not accepted(secret, Got(got.path, got.headers, written_anew))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
async def test_what_the_signature_covers_cannot_be_changed(
    hooks: Hooked, receiver: Receiver, secret: str, name: str
) -> None:
    await hooks.hear(event(1))
    await hooks.send()
    (got,) = receiver.got
    other = {"webhook-id": "msg_other", "webhook-timestamp": str(int(time.time()) + 1)}[name]

    assert not accepted(secret, Got(got.path, {**got.headers, name: other}, got.body))


async def test_another_secret_refuses(hooks: Hooked, receiver: Receiver, secret: str) -> None:
    await hooks.hear(event(1))
    await hooks.send()

    assert not accepted(new_secret(), receiver.got[0])


async def test_a_delivery_that_is_played_back_after_ten_minutes_is_refused(
    hooks: Hooked, receiver: Receiver, secret: str
) -> None:
    hooks.clock.now -= 600
    await hooks.hear(event(1))
    await hooks.send()

    assert not accepted(secret, receiver.got[0])


async def test_each_try_has_the_same_id_and_body_and_a_time_of_its_own(
    hooks: Hooked, receiver: Receiver, secret: str
) -> None:
    hooks.clock.now -= 700
    receiver.then(Answer(500), Answer(500))
    await hooks.hear(event(1))
    for _ in range(3):
        await hooks.send()
        hooks.clock.now += 350

    assert len({(each.id, each.body) for each in receiver.got}) == 1
    assert len({each.headers["webhook-timestamp"] for each in receiver.got}) == 3
    assert accepted(secret, receiver.got[-1])


async def test_both_secrets_verify_for_a_day_after_a_rotation(
    hooks: Hooked, receiver: Receiver, secret: str
) -> None:
    (found,) = (await hooks.ask("GET")).json()["webhooks"]
    answer = await hooks.ask("POST", f"/{found['webhook_id']}/rotate-secret")
    new = answer.json()["secret"]
    await hooks.hear(event(1))
    await hooks.send()

    (got,) = receiver.got
    assert accepted(secret, got)
    assert accepted(new, got)
    assert got.headers["webhook-signature"].count("v1,") == 2


def test_the_secret_before_signs_no_more_after_a_day() -> None:
    first = Secret(new_secret(), 0.0)

    second = first.followed_by(new_secret(), 100.0)

    assert second.valid(100.0 + OVERLAP_S - 1) == (second.secret, first.secret)
    assert second.valid(100.0 + OVERLAP_S) == (second.secret,)


def test_a_body_beyond_ascii_is_signed_as_it_is_sent() -> None:
    secret, body, now = new_secret(), '{"name":"Grüße 🖼"}', time.time()

    headers = headers_of("msg_1", body, (secret,), now)

    assert accepted(secret, Got("/", headers, body.encode()))


def test_no_two_secrets_are_alike_and_each_has_32_bytes() -> None:
    made = {new_secret() for _ in range(100)}

    assert len(made) == 100
    assert all(len(Webhook(each)._whsecret) == 32 for each in made)
