"""Readiness asks those whom the gateway cannot do without."""

from __future__ import annotations

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
from tests.gateway.front import SIGNER, asked


async def test_the_gateway_is_ready_while_nobody_can_be_told(gateway: Gateway) -> None:
    front = replace(gateway, peers=peers(well={"jobs"}, ill={"notifier"}), needs=("jobs",))

    answer = await asked(front, "/health/ready")

    assert (answer.status_code, answer.text) == (200, "ready")


async def test_the_gateway_waits_for_whom_it_needs(gateway: Gateway) -> None:
    front = replace(gateway, peers=peers(well={"notifier"}, ill={"jobs"}), needs=("jobs",))

    answer = await asked(front, "/health/ready")

    assert (answer.status_code, answer.text) == (503, "waiting")


def peers(*, well: Iterable[str], ill: Iterable[str]) -> dict[str, Peer]:
    return {name: peer(is_well=True) for name in well} | {name: peer(is_well=False) for name in ill}


def peer(*, is_well: bool) -> Peer:
    """Make a service that says how it is."""
    app = service_app("A service", SIGNER)

    async def health() -> dict[str, Any]:
        if is_well:
            return {}
        raise Unavailable("It cannot work.")

    tell_health(app, health)
    asking = Identity(account="gateway", scopes=frozenset({"service"}))
    return Peer(ServiceClient(InMemory(app), SIGNER, asking))
