"""The client's API keys, against a real system over real HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from imagemill.client import BlockingClient, Client, KeyBounds, ProblemError
from tests.cli.programs import Server

pytestmark = pytest.mark.server


async def test_a_key_is_made_used_changed_rotated_and_revoked(server: Server) -> None:
    ends = datetime.now(UTC) + timedelta(days=1)
    async with Client(server.address, server.key) as client:
        made = await client.keys.make("a", ["jobs:read", "keys:read"], KeyBounds(expires_at=ends))
        changed = await client.keys.change(made.key_id, KeyBounds(max_retries=1), name="b")
        rotated = await client.keys.rotate(made.key_id)
        async with Client(server.address, rotated.key) as own:
            current = await own.keys.show("current")
            with pytest.raises(ProblemError) as refusal:
                await own.keys.make("c", ["jobs:read"])
        listed = [each.key_id async for each in client.keys.list(limit=2)]
        await client.keys.revoke(made.key_id)
        gone = await client.keys.show(made.key_id)

    assert (changed.name, changed.max_retries, changed.expires_at) == ("b", 1, ends)
    assert (current.key_id, current.prefix) == (made.key_id, rotated.prefix)
    assert refusal.value.code == "forbidden"
    assert made.key_id in listed
    assert gone.revoked_at is not None


async def test_a_key_that_is_no_id_is_no_way_elsewhere(server: Server) -> None:
    async with Client(server.address, server.key) as client:
        with pytest.raises(ProblemError) as refusal:
            await client.keys.show("../jobs?limit=1")

    assert refusal.value.code == "not_found"


def test_keys_are_kept_without_an_event_loop(server: Server) -> None:
    with BlockingClient(server.address, server.key) as client:
        made = client.keys.make("x", ["jobs:*"], KeyBounds(monthly_jobs=5), idempotency_key="once")
        again = client.keys.make("x", ["jobs:*"], KeyBounds(monthly_jobs=5), idempotency_key="once")
        changed = client.keys.change(made.key_id, scopes=["jobs:read"])
        rotated = client.keys.rotate(made.key_id, overlap_s=60)
        listed = [each.key_id for each in client.keys.list()]
        client.keys.revoke(made.key_id)
        shown = client.keys.show(made.key_id)
        used = client.keys.usage(key_id=made.key_id)
        total = client.keys.usage("2020-01")

    assert (again.key_id, again.key) == (made.key_id, None)
    assert (changed.scopes, changed.monthly_jobs) == (("jobs:read",), 5)
    assert rotated.key != made.key
    assert rotated.old_until is not None
    assert made.key_id in listed
    assert shown.revoked_at is not None
    assert (used.keys, used.total.jobs, total.month) == ((), 0, "2020-01")
