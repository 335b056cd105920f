"""Readiness asks those whom the gateway cannot do without."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from imagemill.contracts.client import ServiceClient
from imagemill.contracts.health import Peer
from imagemill.contracts.identity import Identity
from imagemill.contracts.transport import InMemory
from imagemill.errors import Unavailable
from imagemill.gateway.service import Gateway
from imagemill.web import service_app
from imagemill.web.health import tell_health
from tests.gateway.front import KEY, SIGNER, asked


async def test_the_gateway_is_ready_while_nobody_can_be_told(gateway: Gateway) -> None:
    front = replace(gateway, peers=peers(well={"jobs"}, ill={"notifier"}), needs=("jobs",))

    answer = await asked(front, "/health/ready")

    assert (answer.status_code, answer.text) == (200, "ready")


async def test_the_gateway_waits_for_whom_it_needs(gateway: Gateway) -> None:
    front = replace(gateway, peers=peers(well={"notifier"}, ill={"jobs"}), needs=("jobs",))

    answer = await asked(front, "/health/ready")

    assert (answer.status_code, answer.text) == (503, "waiting")


async def test_many_who_ask_at_once_cost_one_look(gateway: Gateway) -> None:
    looks: list[str] = []
    front = replace(gateway, peers={"jobs": peer(is_well=True, looks=looks)}, needs=("jobs",))

    paths = ("/health/ready", "/health/ready", "/health", "/health")
    answers = await asyncio.gather(*(asked(front, each) for each in paths))

    assert [each.status_code for each in answers] == [200] * 4
    assert len(looks) == 1


async def test_details_are_for_operators(gateway: Gateway) -> None:
    front = replace(gateway, peers=peers(well={"jobs"}, ill={"notifier"}))
    wanted = {"name": "narrow", "scopes": ["jobs:read"]}
    made = await asked(front, "/api/v1/api-keys", method="POST", json=wanted)

    everything, little = [
        await asked(front, "/health", key=each) for each in (KEY, made.json()["key"])
    ]

    assert set(everything.json()["processes"]) == {"jobs", "notifier"}
    assert little.json() == {"status": "degraded", "version": "0"}
    assert little.status_code == everything.status_code == 503


def peers(*, well: Iterable[str], ill: Iterable[str]) -> dict[str, Peer]:
    return {name: peer(is_well=True) for name in well} | {name: peer(is_well=False) for name in ill}


def peer(*, is_well: bool, looks: list[str] | None = None) -> Peer:
    """Make a service that says how it is."""
    app = service_app("A service", SIGNER)

    async def health() -> dict[str, Any]:
        if looks is not None:
            looks.append("one")
        if is_well:
            return {}
        raise Unavailable("It cannot work.")

    tell_health(app, health)
    asking = Identity(account="gateway", scopes=frozenset({"service"}))
    return Peer(ServiceClient(InMemory(app), SIGNER, asking))
